step() {
    if grep -n '.\{80\}' "$1"; then
        echo "$1: a line is longer than 79 characters" >&2
        exit 1
    fi
}
each linted src/*
