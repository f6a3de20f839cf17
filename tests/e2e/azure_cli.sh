# What a user has who comes from Azure: `az`, which is turnout here, and a way to insist.
# Sourced by the scripts beside it, which are Azure's command by command (azure.md 1.3).
set -euo pipefail

az() { turnout "$@"; }

# expect WHAT GOT WANTED
expect() {
  [ "$2" = "$3" ] || { printf '%s: expected %s, got %s\n' "$1" "$3" "$2" >&2; exit 1; }
}

# expect_like WHAT GOT PATTERN, a pattern of the shell's
expect_like() {
  case "$2" in
    $3) ;;
    *) printf '%s: expected what is like %s, got %s\n' "$1" "$3" "$2" >&2; exit 1 ;;
  esac
}
