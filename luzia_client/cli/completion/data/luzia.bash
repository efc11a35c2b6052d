# luzia completion for bash
_luzia() {
    local luzia=${1/#\~\//$HOME/} how
    local -a offers
    mapfile -t offers < <(COMP_TYPE=$COMP_TYPE "$luzia" --complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    how=${offers[0]-}
    COMPREPLY=("${offers[@]:1}")
    case $how in *nospace*) compopt -o nospace 2>/dev/null ;; esac
    case $how in
        *files*) compopt -o default 2>/dev/null ;;
        *directories*) compopt -o plusdirs -o filenames 2>/dev/null ;;
    esac
}
complete -o nosort -F _luzia luzia
