"""Settings of a run beside those that were asked for."""

from server.dashboard.job.configuration import Origin, Setting, settings_of

GIVEN = {"stage": "sft", "dataset": "a", "cutoff_len": 512, "lost": True}
FINAL = "stage: sft\ndataset: b\ncutoff_len: 512\noutput_dir: /there\n"


def test_each_argument_tells_where_it_is_from() -> None:
    assert settings_of(GIVEN, FINAL) == [
        Setting("stage", "sft", Origin.GIVEN),
        Setting("dataset", "b", Origin.CHANGED, "a"),
        Setting("cutoff_len", "512", Origin.GIVEN),
        Setting("lost", "true", Origin.LEFT_OUT),
        Setting("output_dir", "/there", Origin.ADDED),
    ]


def test_a_text_that_cannot_be_read_leaves_what_was_asked_for() -> None:
    assert settings_of({"stage": "sft"}, "{") == [Setting("stage", "sft", Origin.GIVEN)]
    assert settings_of({"stage": "sft"}) == [Setting("stage", "sft", Origin.GIVEN)]
