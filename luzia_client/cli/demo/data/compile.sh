mkdir -p ../build
step() {
    echo "$1"
    case $1 in
        *.c) cc -O2 -Wall -c "$1" -o "../build/$(basename "$1").o" ;;
        *) PYTHONPYCACHEPREFIX=../build "$PYTHON" -m py_compile "$1" ;;
    esac
}
each compiled $SOURCES
