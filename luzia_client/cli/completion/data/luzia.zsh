#compdef luzia
# luzia completion for zsh
_luzia() {
    local luzia=${words[1]/#\~\//$HOME/} how
    local -a typed offers space
    (( CURRENT > 2 )) && typed=("${(@Q)words[2,CURRENT-1]}")
    offers=("${(@f)$("$luzia" --complete zsh "${(@)typed}" "${(Q)PREFIX}" 2>/dev/null)}")
    how=${offers[1]}
    shift offers
    [[ $how == *nospace* ]] && space=(-S '')
    if [[ $how == *instead* ]]; then
        compadd -U -- "${${offers[1]%%:*}//\\/}"
    elif (( $#offers )); then
        _describe -V luzia offers "${(@)space}"
    fi
    case $how in
        *files*) _files ;;
        *directories*) _files -/ ;;
    esac
}
if [[ $funcstack[1] == _luzia ]]; then
    _luzia "$@"
else
    compdef _luzia luzia
fi
