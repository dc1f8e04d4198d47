# What every script of the lab knows: where things are. Sourced, not run.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${TIDEGATE_MESH_CACHE:-$HOME/.cache/tidegate/mesh}
BIN=$CACHE/bin
IMG=$CACHE/img

# libraries PROGRAM…: the shared libraries that the programs load, as FILE:FILE for image.py.
libraries() {
  local p
  for p in "$@"; do ldd "$p" 2>/dev/null | grep -oE '/lib[^ ]*\.so[^ ]*' || true; done | sort -u | sed 's/.*/&:&/'
}
