#!/usr/bin/env bash
# Installs Debian's chromium and its driver, where that is possible without asking; the tests skip where it is not.
set -euo pipefail
if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "chromium and chromedriver are missing, and this is not root on Debian: the browser tests will skip"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core; } \
    >"$log" 2>&1; then
    tail -5 "$log"
    echo "chromium could not be installed: the browser tests will skip"
fi
