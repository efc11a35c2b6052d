# luzia completion for fish
function __luzia_offers
    set -l typed (commandline -opc)
    set -l offers ($typed[1] --complete fish $typed[2..-1] (commandline -ct) 2>/dev/null)
    set -l how "$offers[1]"
    set -e offers[1]
    string match -q -- '*files*' $how; and __fish_complete_path (commandline -ct)
    string match -q -- '*directories*' $how; and __fish_complete_directories (commandline -ct) ''
    set -q offers[1]; and printf '%s\n' $offers
end
complete -c luzia -k -f -a '(__luzia_offers)'
