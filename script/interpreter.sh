# Sourced by the commands: leaves in $python an interpreter that will do, or says what is missing.

python=.venv/bin/python
if ! [ -x "$python" ]; then
    python=
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            break
        fi
        seen="$candidate here is $("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1 | tail -n 1)"
    done
    if [ -z "$python" ]; then
        echo "HotDash needs Python 3.11 or newer; ${seen:-no ${PYTHON:-python3} was found}." >&2
        echo "Another one can be named: PYTHON=/path/to/python3.12 $0" >&2
        exit 1
    fi
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi
