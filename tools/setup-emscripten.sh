#!/bin/sh
# Give this project Emscripten >= 3.1.69 without upgrading any system package.
#
#   tools/setup-emscripten.sh PREFIX      (default PREFIX: $HOME/.cache/emscripten-toolchain)
#   . PREFIX/env.sh                       -> emcc, em++, emcmake on PATH, EM_CONFIG set
#
# Order of preference:
#   1. emcc on PATH, if new enough
#   2. $EMSDK, if new enough
#   3. this machine's own apt candidate, if new enough (Debian 13+, recent Ubuntu)
#   4. the trixie packages, fetched through an isolated apt configuration (signed by
#      debian-archive-keyring, from the mirror this machine already uses), unpacked
#      under PREFIX; clang/lld/llvm 19 come from the machine's own release.
# Safe to run again: returns at once when PREFIX is complete.
set -eu

MIN=3.1.69
SUITE=trixie
LLVM=19
[ -n "${HOME:-}" ] || HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
PREFIX=${1:-$HOME/.cache/emscripten-toolchain}
KEYRING=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
STAMP="layout-1 min-$MIN"

say() { printf '%s\n' "setup-emscripten: $*" >&2; }
die() { say "$*"; exit 1; }
# version_ge A B : A >= B
version_ge() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else die "root is needed for: $*"; fi
}
apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q install -y --no-install-recommends "$@" >&2
}
# Installs only what dpkg does not already have, so that a second run needs no network.
need_packages() {
  missing=
  for p in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
  done
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086
  apt_install $missing || { as_root apt-get -q update >&2; apt_install $missing; }
}

mkdir -p "$PREFIX"
PREFIX=$(cd "$PREFIX" && pwd)
case $PREFIX in /|/usr|/usr/local|"$HOME") die "PREFIX must be a folder of its own, not $PREFIX" ;; esac

# --- already there? ---------------------------------------------------------------
if [ -f "$PREFIX/.ready" ] && [ "$(cat "$PREFIX/.ready")" = "$STAMP" ] && [ -f "$PREFIX/env.sh" ]; then
  # shellcheck disable=SC1091
  ver=$(. "$PREFIX/env.sh" >/dev/null 2>&1; cat "$EMSCRIPTEN_ROOT/emscripten-version.txt" 2>/dev/null | tr -d '"') || ver=
  if [ -n "$ver" ] && version_ge "$ver" "$MIN" && { [ ! -f "$PREFIX/.needs-llvm" ] || command -v "clang-$LLVM" >/dev/null; }; then
    say "Emscripten $ver is ready: . $PREFIX/env.sh"
    exit 0
  fi
fi
rm -f "$PREFIX/.ready"

write_env() { # $1 emscripten root, $2 config file or empty, $3 extra line
  {
    echo "# written by setup-emscripten.sh"
    echo "export EMSCRIPTEN_ROOT='$1'"
    [ -z "$2" ] || echo "export EM_CONFIG='$2'"
    [ -z "${3:-}" ] || echo "$3"
    echo "case \":\$PATH:\" in *\":$1:\"*) ;; *) export PATH=\"$1:\$PATH\" ;; esac"
  } > "$PREFIX/env.sh"
}

smoke() { # a real build and run: Embind, SIMD, wasm exceptions, ES module (this one needs acorn)
  d=$(mktemp -d)
  cat > "$d/t.cpp" <<'CPP'
#include <emscripten/bind.h>
#include <wasm_simd128.h>
#include <stdexcept>
static float twice(float x) { v128_t v = wasm_f32x4_splat(x); try { throw std::runtime_error("x"); } catch (std::exception&) {} return wasm_f32x4_extract_lane(wasm_f32x4_add(v, v), 2); }
EMSCRIPTEN_BINDINGS(t) { emscripten::function("twice", &twice); }
CPP
  cat > "$d/run.mjs" <<'JS'
import m from './t.mjs'; const M = await m(); if (M.twice(21) !== 42) process.exit(1);
JS
  # shellcheck disable=SC1091
  ( . "$PREFIX/env.sh" && cd "$d" && emcc -O1 -msimd128 -fwasm-exceptions t.cpp -lembind -sMODULARIZE -sEXPORT_ES6 -o t.mjs && node run.mjs ) >"$d/log" 2>&1 \
    || { cat "$d/log" >&2; rm -rf "$d"; return 1; }
  rm -rf "$d"
}
finish() { smoke || die "the toolchain was installed but its smoke test failed"; printf '%s' "$STAMP" > "$PREFIX/.ready"
  say "Emscripten $1 is ready: . $PREFIX/env.sh"; exit 0; }

link_acorn() { # $1 emscripten root, $2 folder that holds acorn/. ES modules ignore NODE_PATH, so a node_modules beside tools/ is needed.
  [ -e "$1/node_modules/acorn" ] && return 0
  [ -e "$2/acorn" ] || return 1
  if [ -w "$1" ]; then mkdir -p "$1/node_modules" && ln -sfn "$2/acorn" "$1/node_modules/acorn"
  else as_root mkdir -p "$1/node_modules" && as_root ln -sfn "$2/acorn" "$1/node_modules/acorn"; fi
}

# --- 1. emcc on PATH ---------------------------------------------------------------
root_of() { # folder of emcc with emscripten-version.txt, given an emcc path
  d=$(dirname "$(readlink -f "$1")"); [ -f "$d/emscripten-version.txt" ] && echo "$d" && return 0
  [ -f /usr/share/emscripten/emscripten-version.txt ] && echo /usr/share/emscripten; }
if [ -z "${SETUP_EMSCRIPTEN_FORCE_FETCH:-}" ]; then
  if emcc=$(command -v emcc) && r=$(root_of "$emcc"); then
    v=$(tr -d '"' < "$r/emscripten-version.txt")
    if version_ge "$v" "$MIN"; then
      say "using emcc $v on PATH ($r)"; write_env "$r" "${EM_CONFIG:-}"
      if smoke; then printf '%s' "$STAMP" > "$PREFIX/.ready"; say "Emscripten $v is ready: . $PREFIX/env.sh"; exit 0; fi
      say "that emcc does not work here; going on"
    else say "emcc on PATH is $v, too old"; fi
  fi
  # --- 2. emsdk ----------------------------------------------------------------------
  if [ -n "${EMSDK:-}" ] && [ -f "$EMSDK/upstream/emscripten/emscripten-version.txt" ]; then
    r=$EMSDK/upstream/emscripten; v=$(tr -d '"' < "$r/emscripten-version.txt")
    if version_ge "$v" "$MIN"; then
      say "using EMSDK $v"; write_env "$r" "$EMSDK/.emscripten" "export EMSDK='$EMSDK'"; finish "$v"
    fi
  fi
fi

command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 \
  || die "no emcc >= $MIN on PATH or in \$EMSDK, and this is not a Debian-like system: install emsdk and set EMSDK"
command -v node >/dev/null 2>&1 || need_packages nodejs
command -v python3 >/dev/null 2>&1 || need_packages python3
NODE=$(command -v node)

write_config() { # $1 binaryen root, $2 cache folder
  cat > "$PREFIX/config.py" <<PY
LLVM_ROOT = '/usr/bin'
LLVM_ADD_VERSION = '$LLVM'
CLANG_ADD_VERSION = '$LLVM'
BINARYEN_ROOT = '$1'
NODE_JS = '$NODE'
# The package's prebuilt libraries; not frozen, so that a missing variant is still built on demand.
CACHE = '$2'
FROZEN_CACHE = False
PY
}

# --- 3. this machine's own apt candidate -------------------------------------------
cand=$(apt-cache policy emscripten 2>/dev/null | sed -n 's/^ *Candidate: *//p' | sed 's/^[0-9]*://; s/[~+-].*//')
if [ -z "${SETUP_EMSCRIPTEN_FORCE_FETCH:-}" ] && [ -n "$cand" ] && [ "$cand" != "(none)" ] && version_ge "$cand" "$MIN"; then
  say "apt's own emscripten is $cand"
  need_packages emscripten
  r=/usr/share/emscripten
  link_acorn "$r" /usr/share/nodejs || true
  # A farm of links keeps the package's cache read-only and lets new variants be built beside it.
  if [ -d "$r/cache" ] && [ ! -d "$PREFIX/cache" ]; then cp -as "$r/cache" "$PREFIX/cache"; fi
  rm -f "$PREFIX/cache/cache.lock" "$PREFIX/cache/symbol_lists.lock"
  a=$(sed -n "s/^LLVM_ADD_VERSION *= *'\([0-9]*\)'.*/\1/p" "$r/.emscripten" 2>/dev/null); [ -z "$a" ] || LLVM=$a
  write_config /usr "$PREFIX/cache"; write_env "$r" "$PREFIX/config.py"; finish "$cand"
fi

# --- 4. trixie's packages under PREFIX ---------------------------------------------
say "fetching $SUITE's emscripten into $PREFIX (apt's own candidate: ${cand:-none})"
need_packages "clang-$LLVM" "lld-$LLVM" "llvm-$LLVM" xz-utils
: > "$PREFIX/.needs-llvm"

# The mirror this machine already uses for its own release, from apt's own reading of its sources.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
targets=$(apt-get indextargets --format '$(CREATED_BY)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)' 2>/dev/null | grep '^Packages|' || true)
mirror=$(printf '%s\n' "$targets" | awk -F'|' -v c="$codename" '$2==c && $3=="main" && $4 !~ /^(file|cdrom)/ {print $4; exit}')
[ -n "$mirror" ] || mirror=$(printf '%s\n' "$targets" | awk -F'|' '$3=="main" && $2 !~ /security/ && $4 !~ /security|^(file|cdrom)/ {print $4; exit}')
[ -n "$mirror" ] || die "no usable Debian mirror in this machine's apt sources"
[ -f "$KEYRING" ] || need_packages debian-archive-keyring

W=$PREFIX/apt
mkdir -p "$W/lists/partial" "$W/cache/archives/partial" "$W/debs"
: > "$W/status"
echo "deb [signed-by=$KEYRING] $mirror $SUITE main" > "$W/sources.list"
iso() { # apt-get that sees nothing but $SUITE, keeping this machine's transport settings (proxies and so on)
  tool=$1; shift
  "$tool" -q -o Dir::Etc::sourcelist="$W/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=- \
    -o Dir::State::status="$W/status" -o Dir::State::lists="$W/lists" -o Dir::Cache="$W/cache" \
    -o APT::Default-Release= -o APT::Sandbox::User=root -o Acquire::Languages=none \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false \
    -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success= -o Acquire::Retries=3 "$@"
}
if ! iso apt-get -o APT::Update::Error-Mode=any update >"$W/update.log" 2>&1; then
  say "$SUITE's signature was not accepted or the mirror failed; renewing debian-archive-keyring once"
  apt_install debian-archive-keyring || true
  iso apt-get -o APT::Update::Error-Mode=any update >"$W/update.log" 2>&1 || { cat "$W/update.log" >&2; die "cannot read $SUITE from $mirror"; }
fi
PKGS="emscripten binaryen libc6 libstdc++6 libgcc-s1 node-acorn"
# shellcheck disable=SC2086
got=$(iso apt-cache show emscripten | sed -n 's/^Version: *//p' | head -n1 | sed 's/^[0-9]*://; s/[~+-].*//')
version_ge "${got:-0}" "$MIN" || die "$SUITE has emscripten ${got:-none}, need $MIN"
# shellcheck disable=SC2086
( cd "$W/debs" && iso apt-get download $PKGS >"$W/download.log" 2>&1 ) || { cat "$W/download.log" >&2; die "download failed"; }

say "unpacking"
rm -rf "$PREFIX/usr.new"; mkdir -p "$PREFIX/usr.new"
for p in $PKGS; do
  f=$(ls -t "$W/debs/$p"_*.deb | head -n1)
  # Left out: prebuilt libraries this project has no use for (OpenGL, sanitizers, debug, case-insensitive,
  # Wasm Workers); they would be rebuilt on demand. That is most of the package's bulk.
  dpkg-deb --fsys-tarfile "$f" | tar -x -C "$PREFIX/usr.new" --no-same-owner \
    --exclude='*/libGL-*emu*' --exclude='*/libGL-*webgl2*' --exclude='*/libGL-*full_es3*' --exclude='*/libGL-*ofb*' --exclude='*/lib*asan*.a' --exclude='*/lib*lsan*.a' --exclude='*/lib*ubsan*.a' --exclude='*/libsanitizer*.a' \
    --exclude='*/lib*-icase*.a' --exclude='*/lib*-tracing*.a' --exclude='*/lib*memvalidate*.a' --exclude='*-ww*.a' \
    --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/emscripten/test' --exclude='./usr/share/emscripten/docs' \
    --exclude='./usr/share/locale' --exclude='*/gconv'
done
rm -rf "${PREFIX:?}/usr" "${PREFIX:?}/bin"
mv "$PREFIX/usr.new/usr" "$PREFIX/usr"
[ ! -d "$PREFIX/usr.new/lib" ] || cp -a "$PREFIX/usr.new/lib" "$PREFIX/" # not usr-merged libc6
rm -rf "$PREFIX/usr.new"

# binaryen needs a newer libc than this machine's: run it with the unpacked loader and libraries.
loader=$(find "$PREFIX/usr" "$PREFIX/lib" -name 'ld-linux*.so.*' 2>/dev/null | head -n1)
[ -n "$loader" ] || die "no dynamic loader in the unpacked libc6"
libs=$(find "$PREFIX/usr/lib" \( -name 'libc.so.6' -o -name 'libstdc++.so.6' -o -name 'libbinaryen.so*' -o -name 'libgcc_s.so.1' \) -exec dirname {} \; | sort -u | tr '\n' ':' | sed 's/:$//')
mkdir -p "$PREFIX/bin"
for t in "$PREFIX"/usr/bin/wasm*; do
  n=$(basename "$t")
  printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$loader" "$libs" "$t" > "$PREFIX/bin/$n"
  chmod +x "$PREFIX/bin/$n"
done
"$PREFIX/bin/wasm-opt" --version >&2 || die "the unpacked binaryen does not run"

r=$PREFIX/usr/share/emscripten
link_acorn "$r" "$PREFIX/usr/share/nodejs" || die "acorn not found in the unpacked packages"
write_config "$PREFIX" "$r/cache"
write_env "$r" "$PREFIX/config.py"
[ -n "${SETUP_EMSCRIPTEN_KEEP_DEBS:-}" ] || rm -rf "$W/debs" "$W/lists" "$W/cache"
finish "$got"
