# shellcheck shell=bash disable=SC1090,SC1091,SC2154
# What all batch scripts share. Sourced; expects `root`, the repository.
set -uo pipefail

[[ ! -e $root/slurm/site.sh ]] || source "$root/slurm/site.sh"
[[ -z ${MOEWIRE_SITE:-} ]] || source "$MOEWIRE_SITE"
! declare -F moewire_environment >/dev/null || moewire_environment
program=${MOEWIRE_PROGRAM:-$root/build/release/bin/moewire}
((EUID != 0)) || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

say() { printf 'job %s: %s\n' "${SLURM_JOB_ID:-?}" "$*"; }

[[ -x $program ]] || { say "$program is not there (nothing can be started); build it, or set MOEWIRE_PROGRAM in slurm/site.sh"; exit 3; }
if [[ -n ${MOEWIRE_MPI_IF:-} ]]; then
    export OMPI_MCA_btl_tcp_if_include=$MOEWIRE_MPI_IF OMPI_MCA_oob_tcp_if_include=$MOEWIRE_MPI_IF
    export NCCL_SOCKET_IFNAME="=$MOEWIRE_MPI_IF"
fi
[[ -z ${MOEWIRE_NCCL_IB_HCA:-} ]] || export NCCL_IB_HCA=$MOEWIRE_NCCL_IB_HCA

# Slurm's daemons meet by rings or by trees, as it suits the message. Of both in turn a rank may leave MPI_Init while
# another is not in it yet, which then dies of the first message (signal 11). Busy nodes, Slurm 22.05, Open MPI 4.1:
# 10 of 89 starts; by rings alone none of 89.
export SLURM_PMIX_FENCE=${SLURM_PMIX_FENCE:-ring}
launcher=(srun --kill-on-bad-exit=1)
read -ra launcher_options <<<"${MOEWIRE_SRUN_OPTIONS:---mpi=pmix}"
if [[ ${MOEWIRE_LAUNCHER:-srun} == mpirun ]]; then
    launcher=(mpirun)
    read -ra launcher_options <<<"${MOEWIRE_MPIRUN_OPTIONS:---bind-to none}"
elif [[ -n ${SLURM_GPUS_PER_TASK:-} ]]; then
    launcher+=(--gpu-bind=none)  # each task sees the node's GPUs, and takes the one of its local rank
fi
launcher+=("${launcher_options[@]}")

# Starts the program on all ranks. SIGUSR1 (time limit near) and SIGTERM (pre-emption) reach this script first: both
# go on as SIGUSR1 (mpirun would end the ranks at SIGTERM), which srun and mpirun hand to every rank. Returns the
# program's exit code.
forwarded=USR1
run_program() {
    "${launcher[@]}" "$program" "$@" &
    local child=$! guard='' code=0
    trap 'ask_to_end; [[ -n $guard ]] || { leave_in_time & guard=$!; }' USR1
    trap ask_to_end TERM
    # A trapped signal ends `wait`, not the child.
    while wait "$child"; code=$?; kill -0 "$child" 2>/dev/null; do :; done
    trap - USR1 TERM
    [[ -z $guard ]] || kill "$guard" 2>/dev/null
    return "$code"
}

ask_to_end() {
    say "asked to end: the ranks finish what they have in hand"
    kill "-$forwarded" "$child" 2>/dev/null
}

# What the ranks have in hand may last longer than the time that is left: then the job goes back into the queue without
# it. A job whose time was over before anything was finished would do the same again, and stays ended.
leave_in_time() {
    trap - USR1 TERM
    local end
    end=$(scontrol -o show job "$SLURM_JOB_ID" | grep -o -m 1 ' EndTime=[^ ]*')
    end=$(date -d "${end#*=}" +%s) || return
    while (($(date +%s) < end - 15)); do sleep 1; done
    if [[ $(finished_cases "$goal") == "$before" ]]; then
        say "the time is over and no group of cases was finished in it: not started again; raise --time"
        return
    fi
    say "the time is over before the group in hand was finished: it is begun again"
    requeue
}

# On every task: two ranks on one GPU, unequal versions and lost interfaces are found before an hour is spent.
check_ranks() {
    "${launcher[@]}" "$program" doctor || { say "doctor found something missing (see above); set MOEWIRE_SKIP_DOCTOR=1 to go on in spite of it"; exit 3; }
}

# Cases that a run has finished so far, by its journal; $1: the trace or the report that will be there in the end.
finished_cases() {
    local journal=${1%.h5}.jsonl
    [[ $1 == *.h5 ]] || journal=$(dirname "$1")/run.jsonl
    grep -c '"status":"ok"' "$journal" 2>/dev/null || true
}

# A job that was cancelled stays so, and one that was pre-empted is put back by the scheduler itself. The id of an
# array's last task is that of the whole array: tasks are named by their number.
requeue() {
    local job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
    job=${job:-$SLURM_JOB_ID}
    [[ $(scontrol -o show job "$job" 2>/dev/null) == *" JobState=RUNNING "* ]] || return
    ((${SLURM_RESTART_COUNT:-0} < ${MOEWIRE_MOST_RESTARTS:-20})) && scontrol requeue "$job" && sleep 60  # the scheduler ends this script
}

# $1: exists when all is done; the rest: the command, which can be resumed. Runs it; when it was asked to end before
# its end, or broke off (a node may be gone: the others only see a peer that is silent), puts the job back into the
# queue. A job that breaks off again without one more case finished is left to be looked at.
run_resumable() {
    local goal=$1 before
    shift
    [[ -n ${MOEWIRE_SKIP_DOCTOR:-} || ${SLURM_RESTART_COUNT:-0} -gt 0 ]] || check_ranks
    before=$(finished_cases "$goal")
    run_program "$@"
    local code=$?
    if [[ -e $goal ]]; then
        say "ended with exit code $code, $goal is there"
        exit "$code"
    fi
    case $code in
        0) say "not finished yet: $goal is not there" ;;
        2 | 3 | 5) say "ended with exit code $code: see the message above"; exit "$code" ;;
        *)
            say "broke off with exit code $code"
            [[ ${SLURM_RESTART_COUNT:-0} == 0 || $(finished_cases "$goal") != "$before" ]] || { say "and got no further than before: not started again"; exit "$code"; }
            ;;
    esac
    requeue
    say "submit the same line again: it goes on where it stopped"
    exit $((code == 0 ? 75 : code))  # 75: a temporary failure
}

# The value of --$1 in the remaining arguments, in either spelling and form.
option_of() {
    local name=$1 value='' word previous=''
    shift
    for word in "$@"; do
        [[ ${previous//-/_} != "__$name" ]] || value=$word
        [[ ${word%%=*} != "--$name" && ${word%%=*} != "--${name//_/-}" || $word != *=* ]] || value=${word#*=}
        previous=$word
    done
    printf '%s' "$value"
}
