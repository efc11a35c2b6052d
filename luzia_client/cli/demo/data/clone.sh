step() {
    case $1 in
        clone) git clone --quiet . ../copy ;;
        check) git -C ../copy fsck --no-progress ;;
        compare) git -C ../copy diff --exit-code HEAD ;;
        pack) git -C ../copy gc --quiet ;;
    esac
    echo "$1: done"
}
each cloned clone check compare pack
