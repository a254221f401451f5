"""Causes in the data: not there, in no readable form, without a row that is left, with pictures that do not fit."""

from tuning.llamafactory.causes.row import Row

_REPORT = (
    "look at the data set's name, columns and lines; `packtrain datasets show` names what is wrong with data "
    "that were uploaded or added"
)
_UPLOAD = "the nodes cannot fetch it: upload the data set, or name a path on the cluster"
_CUT = (
    "cutoff_len cuts off tokens of pictures: raise it, or make them smaller; "
    "or a row names more or fewer pictures than it has places for"
)
_NO_ROW = (
    "no row is left to train on: look at roles, columns and lengths (`packtrain datasets show`, for data that were "
    "uploaded or added), and at max_samples, val_size and cutoff_len"
)
_UNUSABLE = "the data cannot be used: {line}"
# LLaMA-Factory's own words on rows that it leaves out; they stand on stdout.
_LEFT_OUT = r"Invalid role tag|Invalid message count|Dropped (invalid|lengthy) example|Invalid .* in \[\{"

DATA_ON_A_HUB = (
    Row(
        "dataset",
        "last",
        r"Couldn't reach|DatasetNotFoundError|doesn't exist on the Hub",
        "the data set is not on the cluster: {line}",
        _UPLOAD,
    ),
    Row(
        "dataset",
        "last",
        r"Offline|offline mode|LocalEntryNotFound|MaxRetryError|Max retries|Connect(ion|Timeout)|ProxyError"
        r"|name resolution"
        r"|RepositoryNotFound|GatedRepo|gated|HTTPError|Network is unreachable|HfHub|on the Hub",
        "the data set is not on the cluster: {line}",
        _UPLOAD,
        within=r"/datasets/(load|builder|data_files|utils/file_utils|download)|llamafactory/data/loader"
        r"|modelscope/msdatasets",
        unless=r"torch/distributed/|[Cc]onnection (reset|closed)|multiprocess(ing)?/connection",
    ),
)

DATA = (
    Row(
        "dataset",
        "last",
        r"Cannot find valid samples|should be a positive integer value, but got num_samples|EmptyDatasetError"
        r"|doesn't contain any data files|(dataset|split) is empty|Got empty dataset|train set will be empty"
        r"|Empty training data",
        "no row of the data can be used: {line}",
        _NO_ROW,
        also=_LEFT_OUT,
    ),
    Row(
        "dataset",
        "last",
        r"([Ff]eatures and \w+ tokens|tokens and \w+ features) do not match|number of \w+ does not match the number of"
        r"|Number of \w+ tokens does not match|(token|placeholder)s? count|[Mm]ismatch in `?\w+`? token"
        r"|shape mismatch: value tensor of shape|The shape of the mask \["
        r"|[Tt]he number of (image|video|audio) tokens is"
        r"|number of (image|video|audio)s? (token|placeholder)",
        "pictures (or films, sounds) and their places in the text do not fit: {line}",
        _CUT,
    ),
    Row(
        "dataset",
        "last",
        r"Undefined dataset|(JSON|CSV) parse error|Cannot open data|Expected a string, got|ArrowInvalid|ArrowTypeError"
        r"|not applicable in the current training stage|UnidentifiedImageError|image file is truncated"
        r"|DataFilesNotFound"
        r"|broken data stream when reading image|DecompressionBomb|InvalidDataError|Error tokenizing data"
        r"|LibsndfileError"
        r"|Unable to create tensor, you|Could not infer dtype of"
        r"|expected sequence of length \d+ at dim|stack expects each tensor to be equal size"
        r"|Couldn't (cast|find any data file)|No \(supported\) data files|TemplateError"
        r"|jinja2\.exceptions\.UndefinedError|^pyarrow\.lib\.Arrow"
        r"|No such file or directory: .*\.(jpe?g|png|webp|gif|bmp|tiff?|mp4|mkv|avi|mov|webm|wav|mp3|flac|ogg)\b"
        r"|No such file or directory: .*(dataset_info\.json|\.(jsonl|csv|parquet))|ParserError: |Unsupported file type"
        r"|not in the dataset\b|NoBackendError|Invalid data found when processing input|Error opening ",
        _UNUSABLE,
        _REPORT,
        unless=r"\.cache/|yaml/",
        also=_LEFT_OUT,
    ),
    Row(
        "dataset",
        "last",
        r"DatasetGeneration\w*Error|CastError|NonMatching\w+Error",
        _UNUSABLE,
        _REPORT,
    ),
    Row(
        "dataset",
        "last",
        r"JSONDecodeError",
        _UNUSABLE,
        _REPORT,
        within=r"/datasets/|llamafactory/data/|pandas/|pyarrow/",
    ),
)

WHILE_READING_DATA = (
    Row(
        "dataset",
        "last",
        r"^(\w+\.)*(ValueError|KeyError|TypeError|IndexError|AttributeError|AssertionError|FileNotFoundError|Unicode\w*"
        r"|OverflowError|StopIteration|RuntimeError|\w*Decode\w*|\w*Arrow\w*|ZeroDivisionError|IsADirectoryError"
        r"|NotADirectoryError"
        r"|OSError)\b",
        _UNUSABLE,
        _REPORT,
        within=r"llamafactory/data/",
        unless=r"torch/distributed/|multiprocess(ing)?/(connection|managers)|CUDA|NCCL|subprocess|[Ff]ork"
        r"|[Ss]hared memory"
        r"|thread|\.lock\b|\.cache/|\[Errno (?!2\]|20\]|21\])",
        also=_LEFT_OUT,
    ),
)
