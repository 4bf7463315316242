# What is done to all processes of the PostgreSQL cluster whose data is in the folder $2. They are
# found by the folder they work in, which nobody else does: a process id in a file may be somebody
# else's by now.
data=$2

signal() {
  found=
  for process in /proc/[0-9]*; do
    [ "$process/cwd" -ef "$data" ] || continue
    found=yes
    kill -s "$1" "${process#/proc/}" 2> /dev/null
  done
}

# Twice: one that was forked meanwhile is met by the second.
freeze() {
  signal STOP
  signal STOP
}

# All stand still before the first is killed: none learns of another's death.
end() {
  freeze
  for try in $(seq 500); do
    signal KILL
    [ "$found" ] || return 0
    sleep 0.02
  done
  return 1
}

# Waits until the test process is gone, however it ended: the kernel closes the pipe then.
guard() {
  trap '' HUP INT QUIT TERM
  cat > /dev/null
  end
  # A killed server leaves a segment of shared memory behind, of which a machine has a few thousand.
  segment=$(sed -n '7s/.* //p' "$data/postmaster.pid") && ipcrm -m "$segment"
  rm -rf "${data%/*}"
}

case $1 in
  freeze | end | guard) "$1" ;;
  resume) signal CONT ;;
esac
