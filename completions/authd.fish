# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_authd_global_optspecs
    string join \n config= database= h/help V/version
end

function __fish_authd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_authd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_authd_using_subcommand
    set -l cmd (__fish_authd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c authd -n "__fish_authd_needs_command" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authd -n "__fish_authd_needs_command" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authd -n "__fish_authd_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authd -n "__fish_authd_needs_command" -s V -l version -d 'Print version'
complete -c authd -n "__fish_authd_needs_command" -f -a "serve" -d 'Serve logins and verification until told to stop'
complete -c authd -n "__fish_authd_needs_command" -f -a "healthcheck" -d 'Ask the running authd whether it is ready'
complete -c authd -n "__fish_authd_needs_command" -f -a "config" -d 'Look at the configuration'
complete -c authd -n "__fish_authd_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authd -n "__fish_authd_using_subcommand serve" -l listen -d 'Listen here, as 127.0.0.1:8000, [::]:8000 or unix:/path; may be given more than once [default: 127.0.0.1:8000]' -r
complete -c authd -n "__fish_authd_using_subcommand serve" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authd -n "__fish_authd_using_subcommand serve" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authd -n "__fish_authd_using_subcommand serve" -l migrate -d 'Bring an existing database up to this release first'
complete -c authd -n "__fish_authd_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authd -n "__fish_authd_using_subcommand serve" -s V -l version -d 'Print version'
complete -c authd -n "__fish_authd_using_subcommand healthcheck" -l url -d 'Where authd is, as http(s)://host:port or unix:/path [default: the first address it is configured to listen at]' -r
complete -c authd -n "__fish_authd_using_subcommand healthcheck" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authd -n "__fish_authd_using_subcommand healthcheck" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authd -n "__fish_authd_using_subcommand healthcheck" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authd -n "__fish_authd_using_subcommand healthcheck" -s V -l version -d 'Print version'
complete -c authd -n "__fish_authd_using_subcommand config; and not __fish_seen_subcommand_from check help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authd -n "__fish_authd_using_subcommand config; and not __fish_seen_subcommand_from check help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authd -n "__fish_authd_using_subcommand config; and not __fish_seen_subcommand_from check help" -s h -l help -d 'Print help'
complete -c authd -n "__fish_authd_using_subcommand config; and not __fish_seen_subcommand_from check help" -s V -l version -d 'Print version'
complete -c authd -n "__fish_authd_using_subcommand config; and not __fish_seen_subcommand_from check help" -f -a "check" -d 'Check the configuration without doing anything'
complete -c authd -n "__fish_authd_using_subcommand config; and not __fish_seen_subcommand_from check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authd -n "__fish_authd_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authd -n "__fish_authd_using_subcommand config; and __fish_seen_subcommand_from check" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authd -n "__fish_authd_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authd -n "__fish_authd_using_subcommand config; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c authd -n "__fish_authd_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check the configuration without doing anything'
complete -c authd -n "__fish_authd_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authd -n "__fish_authd_using_subcommand help; and not __fish_seen_subcommand_from serve healthcheck config help" -f -a "serve" -d 'Serve logins and verification until told to stop'
complete -c authd -n "__fish_authd_using_subcommand help; and not __fish_seen_subcommand_from serve healthcheck config help" -f -a "healthcheck" -d 'Ask the running authd whether it is ready'
complete -c authd -n "__fish_authd_using_subcommand help; and not __fish_seen_subcommand_from serve healthcheck config help" -f -a "config" -d 'Look at the configuration'
complete -c authd -n "__fish_authd_using_subcommand help; and not __fish_seen_subcommand_from serve healthcheck config help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authd -n "__fish_authd_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Check the configuration without doing anything'
