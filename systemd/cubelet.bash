# bash completion for cubelet
_cubelet() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  local options=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W 'pods logs exec attach port-forward events explain plan top volumes status version --config= --help --version' -- "$current")
    return
  fi
  case "$previous" in
    --sort-by) mapfile -t COMPREPLY < <(compgen -W 'cpu memory' -- "$current"); return ;;
    --socket) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    -o | --output)
      case "$command" in
        pods) options='wide json yaml' ;;
        *) options='json' ;;
      esac
      mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
      return ;;
  esac
  case "$command" in
    pods) options='-n --namespace -w --watch -o --output' ;;
    logs) options='-n --namespace -c --container -f --follow -p --previous --tail --since --timestamps' ;;
    exec) options='-n --namespace -c --container -i --stdin -t --tty' ;;
    attach) options='-n --namespace -c --container -i --stdin' ;;
    port-forward) options='-n --namespace --address' ;;
    events) options='-n --namespace -f --follow -o --output' ;;
    explain) options='-n --namespace' ;;
    plan | volumes) options='-o --output' ;;
    top) options='-n --namespace --containers --sort-by -o --output' ;;
    status) options='-o --output' ;;
    version) options='' ;;
    *) return ;;
  esac
  if [[ $current != -* ]]; then
    case "$command" in
      plan) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
      # Names of pods, when an agent answers us.
      logs | exec | attach | port-forward | events | explain) options=$(cubelet pods 2>/dev/null | awk 'NR > 1 { print $2 }') ;;
    esac
  else
    options="$options --socket --help"
  fi
  mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
}
complete -F _cubelet cubelet
