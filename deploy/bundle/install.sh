#!/bin/sh
# Install Liaison from this folder, on a machine that needs no network. `./install.sh --help` says how.
# All is checked before anything is changed. A version gets a folder of its own; one link says which is in use, and is
# replaced by a rename as the last step. So an installation that breaks off changes nothing, and the version before stays.
set -eu

# The whole script is read before a line of it runs: half of a file does nothing.
main() {
    umask 022
    LC_ALL=C
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    export LC_ALL PATH
    unset CDPATH PYTHONPATH PYTHONHOME PYTHONSTARTUP
    prefix=/opt/liaison signers='' signature=needed python='' action=install
    while [ $# -gt 0 ]; do
        case $1 in
            --prefix | --signers | --python) [ $# -ge 2 ] || usage "$1 needs a value" ;;
        esac
        case $1 in
            --prefix) prefix=$2 && shift 2 ;;
            --signers) signers=$2 && shift 2 ;;
            --python) python=$2 && shift 2 ;;
            --no-signature) signature=none && shift ;;
            --check) action=check && shift ;;
            --back) action=back && shift ;;
            -h | --help) help && exit 0 ;;
            *) usage "there is no option $1" ;;
        esac
    done
    case $prefix in /*) ;; *) usage "--prefix needs a path that begins with /" ;; esac
    case $signers in '' | /*) ;; *) signers=$PWD/$signers ;; esac
    here=$(cd "$(dirname "$0")" && pwd -P)
    if [ "$action" = back ]; then
        go_back
        return
    fi
    cd "$here"
    check_whole
    check_signature
    check_machine
    check_python
    check_place
    name=$VERSION-$(sha256sum SHA256SUMS | cut -c1-12)
    if [ "$action" = check ]; then
        say "All is as it should be: Liaison $VERSION can be installed to $prefix. Nothing was changed."
        return
    fi
    install_version
    switch_to "versions/$name"
    say "Liaison $VERSION is installed: $prefix/current/bin/liaison"
    [ ! -L "$prefix/previous" ] || say "The version before is kept. To go back to it: $here/install.sh --back --prefix $prefix"
    say "Next: docs/install.md in this folder. Running nodes go on with their version until they are started again."
}

help() {
    cat <<'END'
./install.sh --signers FILE [--prefix FOLDER] [--python PROGRAM] [--check]
./install.sh --no-signature [--prefix FOLDER] [--python PROGRAM] [--check]
./install.sh --back [--prefix FOLDER]

  --signers FILE   whose signature counts: a file of ssh-keygen's form ALLOWED SIGNERS that came another way than the bundle
  --no-signature   you know by other means that these files are the right ones
  --prefix FOLDER  where to; /opt/liaison without it
  --python PROGRAM the Python to use; else the one that fits
  --check          look at everything, change nothing
  --back           use the version before again

Exit codes: 0 done, 1 refused and nothing changed, 2 wrong usage.
END
}

say() { printf '%s\n' "$*"; }

usage() {
    printf 'error: %s\n' "$1" >&2
    say '  ./install.sh --help says what there is' >&2
    exit 2
}

# refuse WHAT WHAT-TO-DO
refuse() {
    printf 'error: %s\n  to do: %s\n  Nothing was changed.\n' "$1" "$2" >&2
    exit 1
}

check_whole() {
    again="unpack the archive again into an empty folder; if that does not help, copy it anew and compare its checksum"
    for file in SHA256SUMS BUNDLE requirements.lock sbom.cdx.json; do
        [ -s "$file" ] || refuse "the bundle is not whole: $file is missing" "$again"
    done
    wrong=$(sha256sum --check --quiet --strict SHA256SUMS 2>&1) || {
        printf '%s\n' "$wrong" | sed 's/^/  /' >&2
        refuse "files of the bundle are missing or changed" "$again; changed files may mean that somebody tampered with it"
    }
    listed=$(sed 's/^[0-9a-f]*  //' SHA256SUMS | LC_ALL=C sort)
    found=$(find . ! -type d ! -path ./SHA256SUMS ! -path ./SHA256SUMS.sig | sed 's/^\.\///' | LC_ALL=C sort)
    [ "$listed" = "$found" ] || refuse "the folder has files that are not of the bundle" "$again"
    VERSION=$(field version) PYTHON=$(field python) MACHINE=$(field machine) GLIBC=$(field glibc)
}

field() { sed -n "s/^$1=//p" BUNDLE; }

check_signature() {
    if [ "$signature" = none ]; then
        say "The signature was not looked at, as you said (--no-signature)."
        return
    fi
    [ -n "$signers" ] || refuse "who may have signed this bundle was not said" \
        "give --signers FILE with the key that the maker told you another way; or --no-signature, if you know the files by other means"
    [ -s "$signers" ] || refuse "$signers cannot be read" "give the file with the maker's key"
    [ -s SHA256SUMS.sig ] || refuse "this bundle has no signature" "ask its maker for a signed one"
    command -v ssh-keygen >/dev/null || refuse "ssh-keygen is missing, which checks the signature" \
        "install Debian's openssh-client from your installation medium"
    signer=$(ssh-keygen -Y find-principals -n liaison-release -s SHA256SUMS.sig -f "$signers" 2>/dev/null | head -n 1) || signer=
    [ -n "$signer" ] || refuse "the bundle was signed by a key that $signers does not name" \
        "do not install it; ask the maker by telephone which key signs"
    ssh-keygen -Y verify -q -n liaison-release -s SHA256SUMS.sig -f "$signers" -I "$signer" <SHA256SUMS >/dev/null 2>&1 ||
        refuse "the signature of $signer does not fit these files" "do not install it; tell its maker"
    say "Signed by $signer."
}

check_machine() {
    [ "$(uname -sm)" = "Linux $MACHINE" ] ||
        refuse "this bundle is for Linux on $MACHINE, and this machine is $(uname -s) on $(uname -m)" \
            "get the bundle for this machine"
    has=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/.* //') || has=
    [ "$(printf '%s\n%s\n' "$GLIBC" "${has:-0}" | sort -V | head -n 1)" = "$GLIBC" ] ||
        refuse "this bundle needs glibc $GLIBC or newer, and this system has ${has:-another library}" \
            "use a newer system, such as Debian 13"
}

check_python() {
    if [ -n "$python" ]; then set -- "$python"; else set -- "python$PYTHON" python3; fi
    fits=''
    for each in "$@"; do
        if [ -z "$fits" ] && is_wanted "$each"; then fits=$(command -v "$each"); fi
    done
    if [ -z "$fits" ]; then
        has=$("${python:-python3}" -I -c 'import platform; print("Python", platform.python_version())' 2>/dev/null) || has=none
        refuse "this bundle needs Python $PYTHON, and this system has $has" \
            "install Debian's python$PYTHON and python$PYTHON-venv, name another one with --python, or get the bundle for this version"
    fi
    "$fits" -I -c 'import ensurepip, venv, ssl, sqlite3' 2>/dev/null || refuse "$fits lacks the modules that make an environment" \
        "install Debian's python$PYTHON-venv"
    "$fits" -I -c 'import ctypes; ctypes.CDLL("libstdc++.so.6")' 2>/dev/null || refuse "libstdc++.so.6 is missing" \
        "install Debian's libstdc++6"
}

is_wanted() {
    command -v "$1" >/dev/null && "$1" -I -c "import sys, sysconfig
sys.exit('%d.%d' % sys.version_info[:2] != '$PYTHON' or sys.implementation.name != 'cpython'
         or bool(sysconfig.get_config_var('Py_GIL_DISABLED')))" 2>/dev/null
}

check_place() {
    above=$prefix
    while [ ! -e "$above" ]; do above=$(dirname "$above"); done
    [ -w "$above/." ] || refuse "$above cannot be written" "run this as root, or choose a folder with --prefix"
    for link in current previous; do
        [ ! -e "$prefix/$link" ] || [ -L "$prefix/$link" ] ||
            refuse "$prefix/$link is there, and is no link of an installation" "choose another --prefix, or move it away"
    done
    free=$(df -Pk "$above" | awk 'END { print int($4 / 1024) }')
    [ "$free" -ge 500 ] || refuse "$above has $free MiB free, and 500 are needed" "make room, or choose a folder with --prefix"
}

install_version() {
    target=$prefix/versions/$name
    mkdir -p "$prefix/versions"
    exec 9>"$prefix/versions/.lock"
    flock -n 9 || refuse "another installation to $prefix runs" "wait until it has ended"
    if [ -e "$target/complete" ]; then
        say "These files are installed already; nothing is to be made."
        return
    fi
    # What an installation that broke off has left is used by nothing: no link leads to it.
    rm -rf "$target"
    trap 'undo' EXIT
    trap 'exit 1' HUP INT TERM
    "$fits" -I -m venv "$target" || exit 1
    PIP_CONFIG_FILE=/dev/null "$target/bin/python" -I -m pip --isolated --quiet --disable-pip-version-check --no-input \
        install --no-index --find-links "$here/wheels" --only-binary :all: --no-cache-dir --require-hashes --no-compile \
        -r "$here/requirements.lock" || exit 1
    # Compiled by content, so that the same bundle gives the same files whenever it is installed. Tests of packages may not compile.
    "$target/bin/python" -I -m compileall -q -f --invalidation-mode unchecked-hash "$target/lib" >/dev/null 2>&1 || true
    [ "$("$target/bin/liaison" --version)" = "liaison $VERSION" ] || exit 1
    # Every part that a node loads can be loaded here.
    "$target/bin/python" -I -c 'import gateway.app.run.serve' || exit 1
    cp -R BUNDLE SHA256SUMS sbom.cdx.json docs systemd "$target/"
    sync "$target/pyvenv.cfg" "$target/bin" "$target/lib" 2>/dev/null || sync
    : >"$target/complete"
    trap - EXIT HUP INT TERM
}

undo() {
    rm -rf "$target"
    printf 'error: the installation broke off; %s was removed again\n' "$target" >&2
    printf '  to do: mend what is said above, and give the same command again\n  The version in use was not touched.\n' >&2
    exit 1
}

# The only step that changes what is used: a rename.
switch_to() {
    now=$(readlink "$prefix/current" 2>/dev/null) || now=
    [ "$now" != "$1" ] || return 0
    if [ -n "$now" ]; then
        ln -sfn "$now" "$prefix/.previous.new" && mv -T "$prefix/.previous.new" "$prefix/previous"
    fi
    ln -sfn "$1" "$prefix/.current.new" && mv -T "$prefix/.current.new" "$prefix/current"
}

go_back() {
    before=$(readlink "$prefix/previous" 2>/dev/null) || before=
    [ -e "$prefix/${before:-none}/complete" ] ||
        refuse "$prefix has no version before the one in use" "install the bundle of that version"
    switch_to "$before"
    say "In use again: $("$prefix/current/bin/liaison" --version). Start the nodes again."
    say "A home that the newer version has changed may not be readable for this one: it says so at its start, and changes nothing."
}

main "$@"
