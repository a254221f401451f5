"""Causes in a model's files: missing, broken, of another model, out of reach; tokens that it has no rows for."""

from tuning.llamafactory.causes.row import TAMER, Row

_MODEL = "look at the folder of the model on the cluster, or name another model"
_OFFLINE = "the nodes cannot fetch it: use a path on the cluster, or a model of its catalogue"
_TOKENS = "there are token ids beyond the model's embedding: resize_vocab: true, or the tokenizer of this very model"
_PROCESSOR = (
    "the model's folder lacks a processor that the image's transformers reads (preprocessor_config.json and the like): "
    "fetch the whole model, or ask the operator for a newer image"
)
_UNREAD = "a file of the model is missing, or may not be read: {line}"
_NOT_FINITE = "the model's numbers are no longer finite: {line}"
_ASSERTION = r"Assertion `.*failed"

# A GPU that has met an assertion fails in whatever is called next: these stand before all else that it says.
ASSERTED = (
    Row("diverged", "stderr", r"probability tensor contains either", _NOT_FINITE, TAMER),
    Row(
        "model_files",
        "stderr",
        r"device-side assert triggered|CUDA_ERROR_ASSERT"
        r"|Assertion `.*([Ii]nd(ex)?\b|srcIndex|n_classes|idx_dim|ind_dim).*failed"
        r"|index out of range in self",
        "a token has no row in the model: {line}",
        _TOKENS,
        also=_ASSERTION,
    ),
)

MODEL_ON_A_HUB = (
    Row(
        "model_files",
        "raised",
        r"ProxyError|Unable to connect to proxy|Tunnel connection failed",
        "the model is not on the cluster, and the way out is closed: {line}",
        _OFFLINE,
    ),
    Row(
        "model_files",
        "last",
        r"OfflineModeIsEnabled|LocalEntryNotFound|couldn't connect to '?https|GatedRepo|gated repo|RepositoryNotFound"
        r"|MaxRetryError|NewConnectionError|Max retries exceeded|name resolution|Name or service not known"
        r"|ConnectTimeout|Network is unreachable|trying to locate the file on the Hub"
        r"|outgoing traffic has been disabled|ReadTimeout|SSLError|CERTIFICATE_VERIFY_FAILED"
        r"|\d{3} (Client|Server) Error"
        r"|ChunkedEncodingError|IncompleteRead|RemoteDisconnected|hub\.errors\.NotExistError|(requests|httpx|urllib3)\.\S*(Error|Timeout)"
        r"|[Cc]annot find the requested files in the|offline mode is enabled"
        r"|HTTP status (client|server) error|reqwest::Error",
        "the model is not on the cluster: {line}",
        _OFFLINE,
        unless=r"Dist(Network|Store|Backend)?Error|c10d|[Rr]endezvous|TCPStore|torch/distributed/",
    ),
)

MODEL_NOT_LOADED = (Row("model_files", "last", r"Failed to load (the )?(tokenizer|processor|model)", _UNREAD, _MODEL),)

MODEL_FILES = (
    Row(
        "model_files",
        "last",
        r"[Pp]rocessor was not found|feature extractor was not found|Can't load (image processor|feature extractor)"
        r"|[Uu]nrecognized (image processor|video processor|processing class|feature extractor)"
        r"|NoneType' object has no attribute '(image|video)_processor",
        "the model has no processor: {line}",
        _PROCESSOR,
    ),
    Row(
        "model_files",
        "last",
        r"^TypeError\b.*NoneType",
        "the model has no processor, or of another version: {line}",
        _PROCESSOR,
        raised_by=r"llamafactory/data/mm_plugin(?s:.*)\bprocessor\.",
    ),
    Row(
        "model_files",
        "last",
        r"^(AssertionError|FileNotFoundError)\b",
        _UNREAD,
        _MODEL,
        raised_by=r"deepspeed/(runtime/state_dict_factory|checkpoint/)",
    ),
    Row(
        "model_files",
        "last",
        r"no file named (pytorch_)?model|[Cc]annot find any model weights"
        r"|^OSError: Not found: |does not appear to have a file named|Unrecognized model"
        r"|Incorrect path_or_model_id|not a valid model identifier|Repo id must|HFValidationError|EntryNotFoundError"
        r"|Can't load (token|the |config)|Couldn't instantiate the backend tokenizer|chat_template is not set"
        r"|Can't find (a valid checkpoint|'?adapter_config)|No such file or directory: .*\.(safetensors|bin|model)\b"
        r"|No such file or directory: .*checkpoint-\d+/.*\.(pt|pth)\b"
        r"|No such file or directory: .*(index|config|tokenizer|trainer_state|vocab)\w*\.(json|txt)\b"
        r"|[Uu]nable to load vocabulary|No valid checkpoint|Reward model is not correctly loaded"
        r"|download (the |\w+ )?\w+ (models )?(in|with) .*compatible|does not have a (pad(ding)? token|\{% if)",
        _UNREAD,
        _MODEL,
        unless=r"deepspeed\S*\.json|ds_\w*\.json|dataset_info|/shutil\.py",
    ),
    Row(
        "model_files",
        "last",
        r"SafetensorError(?!: Error while serializ)|deserializing header|size mismatch for"
        r"|PytorchStreamReader|invalid load key|BadZipFile"
        r"|Unable to load weights|not a valid JSON file|Error\(s\) in loading state_dict|Missing key\(s\) in state_dict"
        r"|ParseFromArray|parse ModelProto|EOFError: Ran out of input|unexpected EOF|file might be corrupted"
        r"|Consistency check failed|pickle data was truncated|UnpicklingError|[Uu]nexpected end of file"
        r"|Trying to set a tensor of shape|KeyError: '[\w.]+\.(weight|bias)'"
        r"|KeyError: '[\w.]*\blayers\.\d+\.[\w.]+'",
        "a file of the model is broken, or of another model: {line}",
        _MODEL,
    ),
    Row(
        "model_files",
        "last",
        r"^KeyError\b",
        "the weights do not fit the model that config.json describes: {line}",
        _MODEL,
        within=r"in load_weights$",
    ),
    Row(
        "model_files",
        "last",
        r"JSONDecodeError|Expecting value|Extra data|UnicodeDecodeError|not a string$",
        "a file of the model is broken: {line}",
        _MODEL,
        within=r"transformers/(modeling|configuration|tokenization|utils/hub|feature_|image_|processing|models/|trainer)"
        r"|llamafactory/model/|peft/|huggingface_hub/|sentencepiece/|safetensors/",
        unless=r"deepspeed",
    ),
    Row(
        "model_files",
        "stderr",
        r"\| MISMATCH +\|",
        "the weights have another shape than config.json says: {line}",
        _MODEL,
    ),
)
