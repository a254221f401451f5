#!/bin/bash
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=1
#SBATCH --time=60
#SBATCH --no-requeue
#SBATCH --open-mode=append

# Written by packtrain. Constant but for the lines above and the values just below; the run's configuration is a file
# of its own. `job.sh` is the batch script, `job.sh task` what srun starts on each node.

main() {
  set -u
  attempt=/shared/packtrain/jobs/job_1/2
  output=/shared/packtrain/jobs/job_1/output
  image=/shared/images/llamafactory.sif
  workdir=/mnt
  processes_per_node=1
  cpus_per_task=1
  command=export
  needs_torchrun=
  flags=( )
  environment=( )
  secrets=( )
  cache=$attempt/cache
  inside=$attempt/inside.pyz
  case $command in
    check) program=(python3 "$attempt/check.pyz" "$attempt/check.json") ;;
    *) program=(llamafactory-cli "$command" "$attempt/config.yaml") ;;
  esac

  case ${1:-batch} in
    batch) batch ;;
    task) task ;;
  esac
}

batch() {
  cd "$attempt" || exit 74
  claim || exit 75
  rm -f exit stop  # of an earlier start of this same job
  trap finish EXIT
  trap forward TERM
  trap stop USR1
  record started
  mkdir -p "$output" "$cache"
  if [ ! -r "$image" ]; then
    echo "packtrain: the training image $image is missing or cannot be read on ${SLURMD_NODENAME:-$(hostname)}" >&2
    exit 66
  fi
  take_over || exit 75
  # Names resolve on the hosts only: scontrol is not in the image.
  export PACKTRAIN_MASTER_ADDR PACKTRAIN_MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))
  PACKTRAIN_MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
  # This script runs on the first node, which may be known by its own name only.
  getent hosts "$PACKTRAIN_MASTER_ADDR" >/dev/null || PACKTRAIN_MASTER_ADDR=$(hostname)
  # In the background, so that a signal is heard at once; through srun, so that it reaches every process of the run.
  srun --input=none --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task="$cpus_per_task" \
    --kill-on-bad-exit=1 bash "$attempt/job.sh" task &
  await $!
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

# The output is this attempt's from now on. What an earlier one was just writing when it was killed is moved out of the
# way, or LLaMA-Factory would go on from it.
take_over() {
  ln -sfnT "$attempt" "$output.owner" || return
  compgen -G "$output/checkpoint-*" >/dev/null || return 0
  apptainer exec --cleanenv --no-home "${flags[@]}" "$image" python3 "$inside" \
    "$output" "${output%/*}/set-aside" >step || return
  record resumed "$(cat step)"
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

finish() {
  code=$?
  trap - EXIT
  find "$output" -type f -printf '%s %T@ %P\0' >files.part 2>/dev/null
  mv files.part files
  record exit "exit_code=$code" "stopped=$([ -e stop ] && echo yes || echo no)" "files_since=$(find started -printf %Ts)" \
    "stdout_bytes=$(size stdout.log)" "stderr_bytes=$(size stderr.log)" "trainer_log_bytes=$(size "$output/trainer_log.jsonl")"
  rm -rf "$attempt/secrets"
  rm -rf "$cache"  # last: a cancelled job has half a minute, and the record matters more
  exit "$code"
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
  # Nothing of the host's environment goes in but what is named here.
  export APPTAINERENV_XDG_CACHE_HOME=$cache APPTAINERENV_HF_HOME=$cache/hf APPTAINERENV_HF_DATASETS_CACHE=$cache/datasets
  export APPTAINERENV_TRITON_CACHE_DIR=$cache/triton APPTAINERENV_TORCHINDUCTOR_CACHE_DIR=$cache/inductor
  export APPTAINERENV_TORCH_EXTENSIONS_DIR=$cache/extensions.${SLURM_NODEID:-0}
  export APPTAINERENV_MPLCONFIGDIR=$cache/matplotlib APPTAINERENV_PYTHONNOUSERSITE=1 APPTAINERENV_PYTHONUNBUFFERED=1
  export APPTAINERENV_PYTHONPATH=$inside
  export APPTAINERENV_PACKTRAIN_ATTEMPT=$attempt APPTAINERENV_PACKTRAIN_OWNER_LINK=$output.owner
  for name in CUDA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES HIP_VISIBLE_DEVICES; do
    [ -z "${!name:-}" ] || export "APPTAINERENV_$name=${!name}"
  done
  if [ $((SLURM_JOB_NUM_NODES * processes_per_node)) -gt 1 ] || [ -n "$needs_torchrun" ]; then
    export APPTAINERENV_FORCE_TORCHRUN=1 APPTAINERENV_NNODES=$SLURM_JOB_NUM_NODES APPTAINERENV_NODE_RANK=$SLURM_NODEID
    export APPTAINERENV_NPROC_PER_NODE=$processes_per_node APPTAINERENV_MASTER_ADDR=$PACKTRAIN_MASTER_ADDR
    export APPTAINERENV_MASTER_PORT=$PACKTRAIN_MASTER_PORT
  fi
  for pair in ${environment[@]+"${environment[@]}"}; do
    export "APPTAINERENV_$pair"
  done
  for name in ${secrets[@]+"${secrets[@]}"}; do
    export "APPTAINERENV_$name=$(cat "$attempt/secrets/$name")"
  done
  leader=$cache/leader.${SLURM_NODEID:-0}
  trap interrupted=yes TERM USR1  # Slurm gives these to the container too
  trap terminate URG
  # The training leads a process group of its own: torchrun's workers would outlive a TERM to their parent.
  apptainer exec --cleanenv --no-home --pwd "$workdir" "${flags[@]}" "$image" python3 -c 'import os, sys
os.setsid()
with open(sys.argv[1], "w") as leader:
    leader.write(str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])' "$leader" "${program[@]}" </dev/null &
  container=$!
  await "$container"
  exit "$code"
}

terminate() {
  interrupted=yes
  kill -TERM -- "-$(cat "$leader")" 2>/dev/null || kill -TERM "$container" 2>/dev/null
}

main "$@"
exit
