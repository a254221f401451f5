"""Program for a login node that reads what models' folders say: headers of tensors, indices, words of tokenizers.

As in tuning.slurm.programs.remote_scripts: a constant text, framed answers.
"""

# The arguments behind $2 are folders of models; $2 bytes is the most of all headers and indices, and one that is too
# much is told by `full`. On stdin are the markers to look for, one a line: as tokens, in quotes, in the tokenizer's
# files, and as they stand in its chat template. Links are followed: a hub's cache consists of them. Nothing waits for a
# pipe: whatever is no plain file is taken not to be there.
READ_MODELS = r"""
boundary=$1 left=$2 number=0
shift 2
markers=$(cat)
tokens='"'${markers//$'\n'/$'"\n"'}'"'
part() { printf '\n%s %s %s\n' "$boundary" "$1" "$number"; }
content() {  # FILE OFFSET LENGTH: a part of this name
  [[ $4 =~ ^[0-9]{1,9}$ ]] || return
  if (($4 > left)); then
    part full
    return 1
  fi
  left=$((left - $4))
  part "$1"
  dd if="$2" iflag=skip_bytes,count_bytes,nonblock skip="$3" count="$4" bs=65536 status=none
}
header() {  # a safetensors file begins with the length of a JSON text in 8 bytes
  [ -f "$1" ] || return
  local length
  length=$(od -A n -t u8 -N 8 --endian=little -- "$1")
  content header "$1" 8 "${length//[[:space:]]/}"
}
index() { content index "$1" 0 "$(stat -L -c %s -- "$1")"; }
tensors() {
  if [ -f model.safetensors ]; then
    header model.safetensors
  elif [ -f model.safetensors.index.json ]; then
    index model.safetensors.index.json || return
    for file in model-*-of-*.safetensors; do
      header "$file" || return
    done
  elif [ -f pytorch_model.bin.index.json ]; then
    index pytorch_model.bin.index.json
  fi
}
occurring() { LC_ALL=C grep -haoF -e "$1" -- "${@:2}" | LC_ALL=C sort -u; }
plain_files() {
  files=()
  for file; do [ ! -f "$file" ] || files+=("$file"); done
}
tokenizer() {
  [ -f tokenizer.json ] || return
  plain_files tokenizer.json added_tokens.json tokenizer_config.json
  part tokens
  occurring "$tokens" "${files[@]}"
}
template() {
  plain_files chat_template.jinja chat_template.json
  if [ -f tokenizer_config.json ] && grep -qaF '"chat_template"' tokenizer_config.json; then
    files+=(tokenizer_config.json)
  fi
  part template
  if [ "${#files[@]}" -gt 0 ]; then
    echo there
    occurring "$markers" "${files[@]}"
  fi
}
for model; do
  if cd -- "$model" && [ -r config.json ]; then
    tensors
    tokenizer
    template
    part end
  fi
  number=$((number + 1))
done 2>/dev/null
part done
"""
