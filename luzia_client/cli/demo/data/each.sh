#!/bin/sh
# Runs one step for each file, and reports the progress.
set -e
each() {
    label=$1; shift
    done=0
    for file; do
        step "$file"
        done=$((done + 1))
        luzia progress $((100 * done / $#)) "$label $done/$#"
    done
}
