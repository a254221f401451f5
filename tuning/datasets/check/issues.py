"""Problems that a row can have, and what LLaMA-Factory does about each.

Measured with LLaMA-Factory 0.9.5's own converter on top of `datasets` 4.0.0, pyarrow 26 and pandas 3.1, and with the
training runs behind it. A file of lines is read in pieces of 10 MiB whose columns and types are those of the first one;
an array is read by pandas in one piece.
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """LLaMA-Factory's treatment of a row that has a problem."""

    JOB_FAILS = "job_fails"
    """The whole job ends with an error, often after minutes of loading, or it would learn what its owner forbids: we
    refuse the file."""
    DROPPED = "dropped"
    """The row is left out with a line in the log, and the job succeeds without it."""
    KEPT = "kept"
    """The row is trained on, though it is hardly what was meant."""


class Reason(StrEnum):
    """Problem for which a row is counted in the report."""

    BROKEN_JSON = "broken_json"
    NOT_UTF8 = "not_utf8"
    TOO_LONG = "too_long"
    TOO_DEEP = "too_deep"
    LONE_SURROGATE = "lone_surrogate"
    DUPLICATE_KEY = "duplicate_key"
    NOT_AN_OBJECT = "not_an_object"
    TYPE_CHANGES = "type_changes"
    LATE_COLUMN = "late_column"
    ALL_DATES = "all_dates"
    WRONG_TYPE = "wrong_type"
    BAD_HISTORY = "bad_history"
    NO_MESSAGES = "no_messages"
    NULL_CONTENT = "null_content"
    BAD_FUNCTION_CALL = "bad_function_call"
    BAD_TOOLS = "bad_tools"
    BAD_ANSWER_ROLE = "bad_answer_role"
    BROKEN_KTO = "broken_kto"
    NO_ANSWER = "no_answer"
    NO_PAIR = "no_pair"
    NO_TAG = "no_tag"
    EMPTY_MESSAGES = "empty_messages"
    NO_ROLE = "no_role"
    UNKNOWN_ROLE = "unknown_role"
    ROLES_OUT_OF_ORDER = "roles_out_of_order"
    ENDS_WITH_USER = "ends_with_user"
    ENDS_WITH_ASSISTANT = "ends_with_assistant"
    EMPTY_PROMPT = "empty_prompt"
    EMPTY_ANSWER = "empty_answer"
    EMPTY_TEXT = "empty_text"
    SAME_ANSWERS = "same_answers"
    ASKING_ANSWER = "asking_answer"
    PRAISED_NOTHING = "praised_nothing"
    UNUSED_TOOL_CALLS = "unused_tool_calls"
    UNUSED_WEIGHT = "unused_weight"
    """Of stored reports: of before the places of such messages were told apart."""
    UNTRAINED_HISTORY = "untrained_history"
    UNTRAINED_END = "untrained_end"
    MIXED_WEIGHTS = "mixed_weights"
    UNUSED_MEDIA = "unused_media"
    BAD_MEDIA = "bad_media"
    MEDIA_COUNT = "media_count"
    MISSING_MEDIA = "missing_media"
    MEDIA_ELSEWHERE = "media_elsewhere"
    TEMPLATE_DECIDES = "template_decides"


@dataclass(frozen=True)
class Explanation:
    """Explanation of a reason, in words for the user."""

    outcome: Outcome
    message: str
    hint: str


def _fails(message: str, hint: str) -> Explanation:
    return Explanation(Outcome.JOB_FAILS, message, hint)


def _dropped(message: str, hint: str) -> Explanation:
    return Explanation(Outcome.DROPPED, message, hint)


def _kept(message: str, hint: str) -> Explanation:
    return Explanation(Outcome.KEPT, message, hint)


EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.BROKEN_JSON: _fails("not valid JSON", "write one JSON object a line, or one JSON array of objects"),
    Reason.NOT_UTF8: _fails("not UTF-8", "save the file as UTF-8"),
    Reason.TOO_LONG: _fails(
        "a row of more than 16 MiB", "write one row a line; a row is cut at cutoff_len tokens anyway"
    ),
    Reason.TOO_DEEP: _fails("nested too deeply", "leave out what training does not read"),
    Reason.LONE_SURROGATE: _fails(
        "half of a surrogate pair in an escape", "write the character itself, or both halves (\\ud83d\\ude00)"
    ),
    Reason.DUPLICATE_KEY: _fails("the same key twice in one object", "keep one of them"),
    Reason.NOT_AN_OBJECT: _fails("a row that is no JSON object", "write each row as {...}"),
    Reason.TYPE_CHANGES: _fails(
        "a column whose type changes", "write it with the same type everywhere, or leave it out"
    ),
    Reason.LATE_COLUMN: _fails(
        "a column that first appears (with a value) after 10 MiB",
        "move a row that has it to the start, or send the file as one JSON array",
    ),
    Reason.ALL_DATES: _fails(
        "a column of dates only, which is read as times and not as text", "send the file as one JSON array"
    ),
    Reason.WRONG_TYPE: _fails("something else than text", "write texts as JSON strings"),
    Reason.BAD_HISTORY: _fails("a history that is no list of [question, answer]", "write pairs of strings"),
    Reason.NO_MESSAGES: _fails("no list of messages", "write the list, or leave the row out"),
    Reason.NULL_CONTENT: _fails("a message without content", "write a string, or leave the row out"),
    Reason.BAD_FUNCTION_CALL: _fails(
        "a function call that is no JSON", 'write {"name": ..., "arguments": {...}} as the content'
    ),
    Reason.BAD_TOOLS: _fails("tools that are no list of objects, as JSON in a text", 'write "[{\\"name\\": ...}]"'),
    Reason.BAD_ANSWER_ROLE: _fails(
        "an answer of nobody who may answer", "give chosen and rejected the assistant's role"
    ),
    Reason.BROKEN_KTO: _fails(
        "a KTO row that is left out and takes the job with it: the next row is compared with its answer",
        "mend the row, or leave it out",
    ),
    Reason.NO_ANSWER: _dropped("no answer", "write one, or leave the row out"),
    Reason.NO_PAIR: _dropped("no pair of chosen and rejected answers", "write both, or leave the row out"),
    Reason.NO_TAG: _dropped("no true or false that says how the answer was liked", "write it, or leave the row out"),
    Reason.EMPTY_MESSAGES: _dropped("an empty list of messages", "leave the row out"),
    Reason.NO_ROLE: _dropped("a message without role", "say who speaks"),
    Reason.UNKNOWN_ROLE: _dropped("a role that is not known", "use the names of the other rows"),
    Reason.ROLES_OUT_OF_ORDER: _dropped(
        "roles out of order", "after an optional system message, user and assistant take turns; the user begins"
    ),
    Reason.ENDS_WITH_USER: _dropped("a conversation that ends with the user", "add the answer"),
    Reason.ENDS_WITH_ASSISTANT: _dropped(
        "a conversation that ends before the question that chosen and rejected answer", "move its end into the answers"
    ),
    Reason.EMPTY_PROMPT: _kept("an empty question", "the model learns to say this to nothing"),
    Reason.EMPTY_ANSWER: _kept("an empty answer", "the model learns to say nothing"),
    Reason.EMPTY_TEXT: _kept("an empty text", "the model learns to end at once"),
    Reason.SAME_ANSWERS: _kept("the same answer chosen and rejected", "the model learns nothing of it"),
    Reason.ASKING_ANSWER: _kept("an answer said by the user", "give chosen and rejected the assistant's role"),
    Reason.PRAISED_NOTHING: _kept(
        "an empty answer that was liked, which is taken for a disliked one", "write the answer, or leave the row out"
    ),
    Reason.UNUSED_TOOL_CALLS: _kept(
        "tool_calls, which are not read", "write the call as a message with the role function_call"
    ),
    Reason.UNUSED_WEIGHT: _kept("a weight of 0, which is not read", "upload the file again: weights are read now"),
    Reason.UNTRAINED_HISTORY: _kept(
        "answers of weight 0 before the last", "set mask_history: true, without which no job takes the file"
    ),
    Reason.UNTRAINED_END: _fails(
        "a last answer of weight 0, which would be trained on",
        "end the chat with the last answer that is to be learned",
    ),
    Reason.MIXED_WEIGHTS: _fails(
        "an answer of weight 0 before more than one that is to be learned: only the last alone can be",
        "write a row for each answer that is to be learned, up to it, with weight 0 for those before it",
    ),
    Reason.BAD_MEDIA: _fails(
        "images, videos or audios that are no paths", "write the path of each file, as text, in a list"
    ),
    Reason.MEDIA_COUNT: _fails(
        "another number of marks than of files",
        "write <image>, <video> or <audio> in what is said, once for each file of that kind",
    ),
    Reason.MISSING_MEDIA: _fails(
        "an image, video or audio that is not there",
        "its path begins at the folder of the rows' file: put it there, or into the archive, or leave the row out",
    ),
    Reason.MEDIA_ELSEWHERE: _kept(
        "images, videos or audios that did not come along, so that nobody has looked for them",
        "send one tar or zip with the rows and the files, or say in the configuration where they lie (media_dir)",
    ),
    Reason.UNUSED_MEDIA: _kept(
        "images, videos or audios in a column that is not read: their marks are trained on as letters",
        "name the column in the entry, and send the files along in a tar or zip",
    ),
    Reason.TEMPLATE_DECIDES: _kept(
        "something with which some templates end the job", "write it as all templates read it"
    ),
}
