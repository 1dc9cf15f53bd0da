# Sourced by bin/demo and bin/test: makes .venv and installs the given requirements file into it, once.

prepare_venv() {
    local requirements=$1 python stamp
    if [ ! -x .venv/bin/python ]; then
        for python in "${PYTHON:-}" python3.11 python3.12 python3.13 python3 python; do
            [ -n "$python" ] && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
            python=
        done
        if [ -z "$python" ]; then
            echo "Python 3.11 or newer is needed. Set PYTHON to where it is." >&2
            return 1
        fi
        echo "Making .venv with $("$python" --version) …"
        if ! "$python" -m venv .venv; then
            rm -rf .venv
            echo "Python could not make .venv. On Debian and Ubuntu: apt install python3-venv" >&2
            return 1
        fi
    fi
    # Installed again only when a requirements file has changed.
    stamp=$(cat requirements*.txt | cksum)
    if [ "$(cat ".venv/.installed-$requirements" 2>/dev/null)" != "$stamp" ]; then
        echo "Installing $requirements …"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
        echo "$stamp" >".venv/.installed-$requirements"
    fi
}
