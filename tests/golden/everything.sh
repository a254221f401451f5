#!/bin/bash
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --gres=gpu:a100:4
#SBATCH --mem=64G
#SBATCH --time=1-02:03:04
#SBATCH --partition=gpu
#SBATCH --account=lab
#SBATCH --qos=high
#SBATCH --constraint=ib&(a|b)
#SBATCH --exclude=n[3-5],n7
#SBATCH --signal=B:USR1@120
#SBATCH --no-requeue
#SBATCH --open-mode=append

# Written by packtrain. Constant but for the lines above and the values of `settings`; the run's configuration is a file
# of its own. What a node runs is the text that Slurm was given, never a file in a shared folder: srun gets it as `bash -c`.

settings() {
  set -u
  root=/shared/packtrain
  attempt=/shared/packtrain/jobs/job_1/2
  output=/shared/packtrain/jobs/job_1/output
  image=/shared/images/llamafactory.sif
  workdir=/mnt
  processes_per_node=4
  cpus_per_task=32
  command=train
  needs_torchrun=yes
  gpu_flags=( --nv )
  binds=( /shared/LLaMA-Factory:/mnt:ro /shared/models:/shared/models:ro )
  own_places=( jobs/job_1 datasets/ab12.jsonl )
  environment=( 'HF_HOME=/shared/it'"'"'s $(here)' )
  secrets=( WANDB_API_KEY )
  archives=( )
  job=${attempt%/*}
  cache=$attempt/cache
  inside=$attempt/inside.pyz
  # Nothing of the host's environment, files, processes or IPC goes in but what is named (docs/decisions/0006): also not
  # what the site's profile says to Apptainer in variables (further binds, values for the container).
  for name in "${!APPTAINER@}" "${!SINGULARITY@}"; do
    case $name in
      *_TMPDIR | *_CACHEDIR | *_CONFIGDIR) ;;
      *) unset "$name" ;;
    esac
  done
  apart=( --contain --cleanenv --no-home --no-eval --pid --ipc )
  case $command in
    check) program=(python3 "$attempt/check.pyz" "$attempt/check.json") ;;
    *) program=(llamafactory-cli "$command" "$attempt/config.yaml") ;;
  esac
}

batch() {
  settings
  cd "$attempt" || exit 74
  claim || exit 75
  ! is_done || exit 0
  rm -f exit stop  # of an earlier start of this same job
  trap finish EXIT
  trap forward TERM
  trap stop USR1
  record started
  if ! mkdir -p "$output" "$cache" || [ -L "$output" ] || [ -L "$cache" ]; then
    echo "packtrain: $output or $cache is no folder, or cannot be made" >&2
    exit 74
  fi
  if [ ! -r "$image" ]; then
    echo "packtrain: the training image $image is missing or cannot be read on ${SLURMD_NODENAME:-$(hostname)}" >&2
    exit 66
  fi
  take_over || exit 75
  unpack || exit 74
  # Names resolve on the hosts only: scontrol is not in the image.
  master_address=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
  # This script runs on the first node, which may be known by its own name only.
  getent hosts "$master_address" >/dev/null || master_address=$(hostname)
  # In the background, so that a signal is heard at once; through srun, so that it reaches every process of the run.
  srun --input=none --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task="$cpus_per_task" \
    --kill-on-bad-exit=1 bash -c "$(declare -f; declare -p master_address)"$'\ntask' &
  await $!
  [ "$code" -ne 0 ] || [ "$command" != check ] || keep_content || code=74
  exit "$code"
}

# Sets `code` to the status of a process, however many signals come meanwhile: each of them ends a `wait`.
await() {
  while :; do
    interrupted=
    wait "$1"
    code=$?
    [ -n "$interrupted" ] || break
  done
}

# Only one Slurm job may ever run this attempt. Making a symbolic link is atomic, on NFS too, and it carries its owner.
# Slurm may start the same job again under its old id: then the claim is already ours.
claim() {
  ln -sT "$SLURM_JOB_ID" claim 2>/dev/null || [ "$(readlink claim)" = "$SLURM_JOB_ID" ] || {
    echo "packtrain: this attempt belongs to $(readlink claim), not to $SLURM_JOB_ID; nothing is run" >&2
    return 1
  }
}

# What this same job has done is not done again: a controller that lost its last minutes, or an administrator, may start
# an ended job once more.
is_done() {
  grep -qx exit_code=0 exit 2>/dev/null && grep -qx stopped=no exit
}

# The output is this attempt's from now on. What an earlier one was just writing when it was killed is moved out of the
# way, or LLaMA-Factory would go on from it.
take_over() {
  ln -sfnT "$attempt" "$output.owner" || return
  compgen -G "$output/checkpoint-*" >/dev/null || return 0
  apptainer exec "${apart[@]}" --bind "$job" "$image" python3 "$inside" whole_checkpoints \
    "$output" "$job/set-aside" >step || return
  record resumed "$(cat step)"
}

# Rows with their images, videos and audios, in tars that packtrain has made itself (tuning/datasets/archive/packing.py).
unpack() {
  local name
  for name in ${archives[@]+"${archives[@]}"}; do
    tar --extract --file "$root/datasets/$name" --directory "$attempt/data" --no-same-owner --no-same-permissions &
    await $!
    if [ "$code" -ne 0 ]; then
      echo "packtrain: the data with its media, $root/datasets/$name, cannot be unpacked" >&2
      return 1
    fi
  done
}

# The training looks for this file at the end of each step: it saves a checkpoint and ends (docs/decisions/0005).
stop() {
  interrupted=yes
  : >stop
}

# To the tasks, as URG, which everything else ignores. Not by `kill`: srun answers a TERM of its own by killing its tasks
# outright. Not as TERM: Slurm signals every process of a step, and squashfuse would end too, so that the image vanishes
# under a training that is just saving a checkpoint.
forward() {
  interrupted=yes
  scancel --signal=URG "$SLURM_JOB_ID" >/dev/null 2>&1
}

# The copy that a check made gets the name of its content. The hash is computed again: the program in the container has
# read a stranger's file, and others will train on this one.
keep_content() {
  local file name
  [ ! -L "$cache/content" ] || return
  for file in "$cache"/content/*; do
    name=${file##*/}
    [[ $name =~ ^[0-9a-f]{64}\.[a-z]{1,16}$ && -f $file && ! -L $file ]] || continue
    sha256sum --check --status <<<"${name%%.*}  $file" && mv -T "$file" "$root/datasets/$name" || {
      echo "packtrain: the checked copy cannot be put into $root/datasets" >&2
      return 1
    }
  done
}

finish() {
  code=$?
  trap - EXIT
  # A run may leave any number of files: the listing is bounded, in bytes and in time.
  timeout 60 find "$output" -type f -printf '%s %T@ %P\0' 2>/dev/null | head -c 4194304 >files.part
  mv files.part files
  record exit "exit_code=$code" "stopped=$([ -e stop ] && echo yes || echo no)" "files_since=$(find started -printf %Ts)" \
    "stdout_bytes=$(size stdout.log)" "stderr_bytes=$(size stderr.log)" "trainer_log_bytes=$(size "$output/trainer_log.jsonl")"
  rm -rf "$attempt/secrets"
  discard "$attempt/data/media"
  discard "$cache"  # last: a cancelled job has half a minute, and the record matters more
  exit "$code"
}

# A folder that a run has written; it may have taken the permission to empty it away.
discard() {
  rm -rf -- "$1" 2>/dev/null || {
    chmod -R u+rwX -- "$1"
    rm -rf -- "$1"
  } 2>/dev/null
}

# Whoever reads these files elsewhere may see them shorter for a while.
size() {
  stat -c %s "$1" 2>/dev/null || echo 0
}

# record NAME [LINE...]: a small file that is there whole or not at all.
record() {
  {
    echo "slurm_job_id=$SLURM_JOB_ID"
    echo "restart=${SLURM_RESTART_COUNT:-0}"
    echo "node=${SLURMD_NODENAME:-$(hostname)}"
    echo "epoch=$(date +%s)"
    [ $# -lt 2 ] || printf '%s\n' "${@:2}"
  } >"$1.part"
  mv "$1.part" "$1"
}

task() {
  settings
  trap interrupted=yes TERM USR1  # Slurm gives these to the container too
  trap terminate URG
  make_scratch || {
    echo "packtrain: no private folder can be made in ${TMPDIR:-/tmp} on ${SLURMD_NODENAME:-$(hostname)}" >&2
    exit 73
  }
  set_environment
  set_flags
  apptainer exec "${flags[@]}" "$image" python3 "$inside" launch "${program[@]}" \
    <"$scratch/orders" {orders}>&- {lock}>&- &
  await $!
  discard "$scratch"
  exit "$code"
}

# To the launcher in the container: process ids of there mean nothing here.
terminate() {
  interrupted=yes
  echo end >&"$orders"
}

# A private folder on the node. The task holds its lock, so that a folder that a killed run left is told from one in use,
# and removed by the next run here.
make_scratch() {
  local base=${TMPDIR:-/tmp} old part
  for old in "$base/packtrain-$UID".*; do
    [ -O "$old/lock" ] && [ ! -L "$old" ] && (flock --nonblock 9 && discard "$old") 9<"$old/lock"
  done
  part=$(mktemp -d "$base/.packtrain-$UID.XXXXXXXXXX") || return
  exec {lock}>"$part/lock" && flock "$lock" || return
  scratch=$base/packtrain-$UID.${part##*.}
  mv -T "$part" "$scratch" && mkdir "$scratch/view" "$scratch/empty" && mkfifo "$scratch/orders" || return
  exec {orders}<>"$scratch/orders"
}

set_environment() {
  export APPTAINERENV_XDG_CACHE_HOME=$cache APPTAINERENV_HF_HOME=$cache/hf APPTAINERENV_HF_DATASETS_CACHE=$cache/datasets
  export APPTAINERENV_TRITON_CACHE_DIR=$cache/triton APPTAINERENV_TORCHINDUCTOR_CACHE_DIR=$cache/inductor
  export APPTAINERENV_TORCH_EXTENSIONS_DIR=$cache/extensions.${SLURM_NODEID:-0}
  export APPTAINERENV_MPLCONFIGDIR=$cache/matplotlib APPTAINERENV_PYTHONNOUSERSITE=1 APPTAINERENV_PYTHONUNBUFFERED=1
  export APPTAINERENV_PYTHONPATH=$inside APPTAINERENV_WANDB_DIR=$output
  export APPTAINERENV_PACKTRAIN_ATTEMPT=$attempt APPTAINERENV_PACKTRAIN_OWNER_LINK=$output.owner
  export APPTAINERENV_PACKTRAIN_SECRETS=$attempt/secrets APPTAINERENV_PACKTRAIN_SECRET_NAMES="${secrets[*]}"
  for name in CUDA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES HIP_VISIBLE_DEVICES; do
    [ -z "${!name:-}" ] || export "APPTAINERENV_$name=${!name}"
  done
  if [ $((SLURM_JOB_NUM_NODES * processes_per_node)) -gt 1 ] || [ -n "$needs_torchrun" ]; then
    export APPTAINERENV_FORCE_TORCHRUN=1 APPTAINERENV_NNODES=$SLURM_JOB_NUM_NODES APPTAINERENV_NODE_RANK=$SLURM_NODEID
    export APPTAINERENV_NPROC_PER_NODE=$processes_per_node APPTAINERENV_MASTER_ADDR=$master_address
    export APPTAINERENV_MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))
  fi
  for pair in ${environment[@]+"${environment[@]}"}; do
    export "APPTAINERENV_$pair"
  done
}

# The mounts, in their order: what the operator named, over it our own folder as an empty one, and in that what is this
# job's own.
set_flags() {
  local bind place
  flags=("${apart[@]}" --workdir "$scratch" --pwd "$workdir" ${gpu_flags[@]+"${gpu_flags[@]}"})
  [ ! -d /dev/infiniband ] || flags+=(--bind /dev/infiniband)
  for bind in ${binds[@]+"${binds[@]}"}; do
    flags+=(--bind "$bind")
    hide_root "$bind"
  done
  flags+=(--bind "$scratch/view:$root:ro")
  for place in ${own_places[@]+"${own_places[@]}"}; do
    show "$place"
  done
  flags+=(--bind "$output" --bind "$cache")
}

# Our own folder may lie in a folder that is bound, under this name or another: there it is hidden too.
hide_root() {
  local source place real
  IFS=: read -r source place _ <<<"$1"
  real=$(realpath -- "$root") && source=$(realpath -- "$source") || return 0
  case $real/ in
    "${source%/}"/*) flags+=(--bind "$scratch/empty:${place%/}${real#"${source%/}"}:ro") ;;
  esac
}

# One place of our own folder; what is not there is left for the program to miss.
show() {
  if [ -d "$root/$1" ] && [ ! -L "$root/$1" ]; then
    mkdir -p "$scratch/view/$1"
  elif [ -f "$root/$1" ] && [ ! -L "$root/$1" ]; then
    mkdir -p "$(dirname "$scratch/view/$1")" && : >"$scratch/view/$1"
  else
    return 0
  fi
  flags+=(--bind "$root/$1:$root/$1:ro")
}

main() {
  batch
  exit
}

main
