# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_authctl_global_optspecs
    string join \n config= database= o/output= q/quiet no-input as= h/help V/version
end

function __fish_authctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_authctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_authctl_using_subcommand
    set -l cmd (__fish_authctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c authctl -n "__fish_authctl_needs_command" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_needs_command" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_needs_command" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_needs_command" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_needs_command" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_needs_command" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_needs_command" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "migrate" -d 'Create the database, or bring it up to this release'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "createsuperuser" -d 'Create an account that may do everything'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "user" -d 'Manage accounts'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "group" -d 'Manage groups: accounts that may do the same'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "permission" -d 'Manage permissions: what accounts can be allowed to do'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "field" -d 'Manage the fields that accounts have beside what every account has'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "session" -d 'Show and end sessions'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "client" -d 'Manage clients: services that ask for tokens and about tokens'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "token" -d 'Manage API tokens: what stands for a user or a client in scripts'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "webhook" -d 'Manage webhooks: services that are told what becomes of accounts'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "key" -d 'Manage the keys that sign tokens'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "secret" -d 'Manage the secret key, which seals the signing keys in the database'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "audit" -d 'Show what was done, by whom, to whom, from where and with what result'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "export" -d 'Write every account to a file or standard output'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "import" -d 'Bring accounts in from a file, as \'export\' writes it'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "apply" -d 'Make the installation what a document says'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "db" -d 'Manage whole databases'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "config" -d 'Look at the configuration'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "ping" -d 'Ask authd whether it is ready'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "completions" -d 'Print the completion script for a shell'
complete -c authctl -n "__fish_authctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -l check -d 'Change nothing; exit with 6 if there is something to do'
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -l plan -d 'Change nothing; list what would be done'
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand migrate" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l email -d 'E-mail address: the user name' -r
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l first-name -d 'First name' -r
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l last-name -d 'Last name' -r
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l phone-number -d 'Phone number, as +44 20 7946 0000; an empty text for none' -r
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l field -d 'Value of one of your own fields, as department=sales; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l password-file -d 'Read the password from a file (one line end at its end is dropped)' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l password-stdin -d 'Read the password from standard input (one line end at its end is dropped)'
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l if-not-exists -d 'Succeed without a change if the superuser exists'
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l skip-password-checks -d 'Take any password'
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand createsuperuser" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "add" -d 'Add an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "list" -d 'List accounts in the order they were created'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "show" -d 'Show an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "set" -d 'Change fields of an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "passwd" -d 'Set a new password for an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "invite" -d 'Let somebody choose the first password of an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "reset-link" -d 'Let the owner of an account choose another password'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "confirm-email" -d 'Let somebody confirm the address of an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "enable" -d 'Let a disabled account log in again'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "disable" -d 'Stop an account from logging in'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "grant" -d 'Give an account a permission by itself'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "revoke" -d 'Take from an account a permission that it was given by itself'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "permissions" -d 'List what an account may do'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "delete" -d 'Remove an account for good'
complete -c authctl -n "__fish_authctl_using_subcommand user; and not __fish_seen_subcommand_from add list show set passwd invite reset-link confirm-email enable disable grant revoke permissions delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l first-name -d 'First name' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l last-name -d 'Last name' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l phone-number -d 'Phone number, as +44 20 7946 0000; an empty text for none' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l external-id -d 'What it was called in the system it comes from: a primary key' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l password-file -d 'Read the password from a file (one line end at its end is dropped)' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l group -d 'Put it into this group; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l field -d 'Value of one of your own fields, as department=sales; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l superuser -d 'It may do everything'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l staff -d 'It may use the management API'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l inactive -d 'It may not log in until it is enabled'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l password-stdin -d 'Read the password from standard input (one line end at its end is dropped)'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l no-password -d 'Without a password: it cannot log in until it has one'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l if-not-exists -d 'Succeed without a change if the account exists'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l group -d 'Only those in this group' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l field -d 'Only those with this value in one of your own fields; an empty value: those without any' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l search -d 'Only those with this text in the e-mail address, the name or the phone number' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l limit -d 'At most so many' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l after -d 'Only those after this id: the next page' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l active -d 'Only those that may log in'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l inactive -d 'Only those that are disabled'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l superuser -d 'Only those that may do everything'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l staff -d 'Only those that may use the management API'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from show" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from show" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from show" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from show" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l email -d 'New e-mail address: the user name' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l first-name -d 'New first name' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l last-name -d 'New last name' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l phone-number -d 'New phone number, as +44 20 7946 0000; an empty text for none' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l external-id -d 'What it was called in the system it comes from; an empty text for nothing' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l staff -d 'Whether it may use the management API' -r -f -a "true\t''
false\t''"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l superuser -d 'Whether it may do everything' -r -f -a "true\t''
false\t''"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l field -d 'Value of one of your own fields, as department=sales; an empty value for none; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l force -d 'Demote even the last active superuser'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l password-file -d 'Read the password from a file (one line end at its end is dropped)' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l password-stdin -d 'Read the password from standard input (one line end at its end is dropped)'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l first-name -d 'First name of a new account' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l last-name -d 'Last name of a new account' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l group -d 'Put a new account into this group; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l field -d 'Value of one of your own fields for a new account, as department=sales; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l mail -d 'Have authd mail the page to the account\'s address, and do not show it'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from invite" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from reset-link" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from reset-link" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from reset-link" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from reset-link" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from reset-link" -l mail -d 'Have authd mail the page to the account\'s address, and do not show it'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from reset-link" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from reset-link" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from reset-link" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from reset-link" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from confirm-email" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from confirm-email" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from confirm-email" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from confirm-email" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from confirm-email" -l mail -d 'Have authd mail the page to the account\'s address, and do not show it'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from confirm-email" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from confirm-email" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from confirm-email" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from confirm-email" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from enable" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from enable" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from enable" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from enable" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from enable" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from enable" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from enable" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -l force -d 'Disable even the last active superuser'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from disable" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from grant" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from grant" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from grant" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from grant" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from grant" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from grant" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from grant" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from grant" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from revoke" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from revoke" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from revoke" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from revoke" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from revoke" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from permissions" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from permissions" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from permissions" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from permissions" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from permissions" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from permissions" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from permissions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from permissions" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -l force -d 'Delete even the last active superuser'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "list" -d 'List accounts in the order they were created'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "set" -d 'Change fields of an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "passwd" -d 'Set a new password for an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "invite" -d 'Let somebody choose the first password of an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "reset-link" -d 'Let the owner of an account choose another password'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "confirm-email" -d 'Let somebody confirm the address of an account'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Let a disabled account log in again'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "disable" -d 'Stop an account from logging in'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "grant" -d 'Give an account a permission by itself'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Take from an account a permission that it was given by itself'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "permissions" -d 'List what an account may do'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Remove an account for good'
complete -c authctl -n "__fish_authctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "add" -d 'Add a group, without members and permissions'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "list" -d 'List groups by their names'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "show" -d 'Show a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "rename" -d 'Give a group another name'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "delete" -d 'Remove a group for good'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "add-user" -d 'Put an account into a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "remove-user" -d 'Take an account out of a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "grant" -d 'Give a permission to all members of a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "revoke" -d 'Take a permission from a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and not __fish_seen_subcommand_from add list show rename delete add-user remove-user grant revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add" -l if-not-exists -d 'Succeed without a change if the group exists'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -l limit -d 'At most so many' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -l after -d 'Only those after this name: the next page' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from show" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from show" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from show" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from show" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from rename" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from rename" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from rename" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from rename" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from rename" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from rename" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from rename" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from delete" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from delete" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add-user" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add-user" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add-user" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add-user" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add-user" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add-user" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add-user" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from add-user" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from remove-user" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from remove-user" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from remove-user" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from remove-user" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from remove-user" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from remove-user" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from remove-user" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from remove-user" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from grant" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from grant" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from grant" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from grant" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from grant" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from grant" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from grant" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from grant" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from revoke" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from revoke" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from revoke" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from revoke" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from revoke" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a group, without members and permissions'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "list" -d 'List groups by their names'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "rename" -d 'Give a group another name'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Remove a group for good'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "add-user" -d 'Put an account into a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "remove-user" -d 'Take an account out of a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "grant" -d 'Give a permission to all members of a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Take a permission from a group'
complete -c authctl -n "__fish_authctl_using_subcommand group; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -f -a "add" -d 'Add a permission of your own, for your services to ask for'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -f -a "list" -d 'List permissions by their names'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -f -a "delete" -d 'Remove a permission of your own, from all who have it'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and not __fish_seen_subcommand_from add list delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -l description -d 'What it allows, for people' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -l if-not-exists -d 'Succeed without a change if the permission exists'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -l limit -d 'At most so many' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -l after -d 'Only those after this name: the next page' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from delete" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from delete" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from delete" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from delete" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from delete" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a permission of your own, for your services to ask for'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from help" -f -a "list" -d 'List permissions by their names'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Remove a permission of your own, from all who have it'
complete -c authctl -n "__fish_authctl_using_subcommand permission; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -f -a "add" -d 'Add a field that every account has from now on'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -f -a "list" -d 'List fields by their names'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -f -a "show" -d 'Show a field'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -f -a "change" -d 'Change the rules of a field'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -f -a "rename" -d 'Give a field another name'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -f -a "delete" -d 'Remove a field for good, with what accounts have in it'
complete -c authctl -n "__fish_authctl_using_subcommand field; and not __fish_seen_subcommand_from add list show change rename delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l type -d 'string, int, bool, date, datetime, email, phone, url, enum or json' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l label -d 'What people call it' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l default -d 'What accounts have that are made without a value, and all that are there now' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l choices -d 'Of an enum, what it may be: a,b,c' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l max-length -d 'Of a string, email or url, the most characters' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l pattern -d 'Of a string, email or url, a regular expression that all of it must match' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l min -d 'Of an int, date or datetime, the least' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l max -d 'Of an int, date or datetime, the greatest' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l required -d 'Every account must have a value: refused while some have none, unless there is a default'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l unique -d 'No two accounts may have the same'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l indexed -d 'Accounts are often looked for by it'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l self-read -d 'Accounts see it of themselves'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l self-write -d 'Accounts change it themselves, and so see it'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l in-token -d 'Access tokens carry it'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l if-not-exists -d 'Succeed without a change if there is a field of this name'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from list" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from list" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from list" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from show" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from show" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from show" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from show" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l label -d 'What people call it' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l required -d 'Whether every account must have a value; those without one are given the default' -r -f -a "true\t''
false\t''"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l unique -d 'Whether no two accounts may have the same' -r -f -a "true\t''
false\t''"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l indexed -d 'Whether accounts are often looked for by it' -r -f -a "true\t''
false\t''"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l default -d 'What accounts have that are made without a value; an empty text for none' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l choices -d 'Of an enum, what it may be: a,b,c' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l max-length -d 'Of a string, email or url, the most characters; an empty text for no such rule' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l pattern -d 'Of a string, email or url, a regular expression that all of it must match; an empty text for none' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l min -d 'Of an int, date or datetime, the least; an empty text for none' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l max -d 'Of an int, date or datetime, the greatest; an empty text for none' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l self-read -d 'Whether accounts see it of themselves' -r -f -a "true\t''
false\t''"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l self-write -d 'Whether accounts change it themselves' -r -f -a "true\t''
false\t''"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l in-token -d 'Whether access tokens carry it' -r -f -a "true\t''
false\t''"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l force -d 'Change it though accounts break the new rules; they keep what they have'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from change" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from rename" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from rename" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from rename" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from rename" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from rename" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from rename" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from rename" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from delete" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from delete" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from delete" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from delete" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from delete" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a field that every account has from now on'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from help" -f -a "list" -d 'List fields by their names'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a field'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from help" -f -a "change" -d 'Change the rules of a field'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from help" -f -a "rename" -d 'Give a field another name'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Remove a field for good, with what accounts have in it'
complete -c authctl -n "__fish_authctl_using_subcommand field; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -f -a "list" -d 'List sessions in the order of their logins'
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -f -a "revoke" -d 'End a session, or every session of an account'
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -f -a "prune" -d 'End the sessions whose time is up, and forget what ended long ago'
complete -c authctl -n "__fish_authctl_using_subcommand session; and not __fish_seen_subcommand_from list revoke prune help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -l user -d 'Only those of this account: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -l limit -d 'At most so many' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -l after -d 'Only those after this id: the next page' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l user -d 'Every session of this account: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from prune" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from prune" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from prune" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from prune" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from prune" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from prune" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from prune" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "list" -d 'List sessions in the order of their logins'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'End a session, or every session of an account'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "prune" -d 'End the sessions whose time is up, and forget what ended long ago'
complete -c authctl -n "__fish_authctl_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -f -a "add" -d 'Add a client, and show its secret this once'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -f -a "list" -d 'List clients by their ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -f -a "show" -d 'Show a client, without its secret'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -f -a "rotate-secret" -d 'Give a client another secret, and show it this once'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -f -a "enable" -d 'Let a disabled client do what it may again'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -f -a "disable" -d 'Stop a client'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -f -a "delete" -d 'Remove a client for good'
complete -c authctl -n "__fish_authctl_using_subcommand client; and not __fish_seen_subcommand_from add list show rotate-secret enable disable delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -l name -d 'What people call it' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -l scope -d 'What it may ask for; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -l audience -d 'Whose tokens are its business: it may get tokens for these and ask about those of these; may be repeated, the first is the usual one [default: tokens.audience]' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -l if-not-exists -d 'Succeed without a change, and without a secret, if the client exists'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -l limit -d 'At most so many' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -l after -d 'Only those after this id: the next page' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from show" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from show" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from show" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from show" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from rotate-secret" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from rotate-secret" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from rotate-secret" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from rotate-secret" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from rotate-secret" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from rotate-secret" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from rotate-secret" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from rotate-secret" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from rotate-secret" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from enable" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from enable" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from enable" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from enable" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from enable" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from enable" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from enable" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from disable" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from disable" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from disable" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from disable" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from disable" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from disable" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from disable" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from disable" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from delete" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from delete" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from delete" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from delete" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from delete" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a client, and show its secret this once'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from help" -f -a "list" -d 'List clients by their ids'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a client, without its secret'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from help" -f -a "rotate-secret" -d 'Give a client another secret, and show it this once'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Let a disabled client do what it may again'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from help" -f -a "disable" -d 'Stop a client'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Remove a client for good'
complete -c authctl -n "__fish_authctl_using_subcommand client; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -f -a "add" -d 'Make an API token, and show it this once'
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -f -a "list" -d 'List API tokens in the order they were made, expired ones among them'
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -f -a "revoke" -d 'Revoke an API token: the next verify of it fails'
complete -c authctl -n "__fish_authctl_using_subcommand token; and not __fish_seen_subcommand_from add list revoke help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -l user -d 'E-mail address or id of the account' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -l client -d 'Id of the client' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -l name -d 'What it is for: people find it by this' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -l scope -d 'What it may be used for; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -l expires -d 'For how long it is good, as in 12h or 90d, or \'never\' for a token that does not expire' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -l user -d 'E-mail address or id of the account' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -l client -d 'Id of the client' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -l limit -d 'At most so many' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -l after -d 'Only those after this id: the next page' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "add" -d 'Make an API token, and show it this once'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "list" -d 'List API tokens in the order they were made, expired ones among them'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Revoke an API token: the next verify of it fails'
complete -c authctl -n "__fish_authctl_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -f -a "add" -d 'Add a webhook, and show its secret this once'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -f -a "list" -d 'List webhooks, and how far they were told'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -f -a "show" -d 'Show a webhook, and the messages that were given up'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -f -a "test" -d 'Send a webhook a message of the type \'test\', now and from here'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -f -a "retry" -d 'Let authd try at once what has failed, and what was given up'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -f -a "delete" -d 'Remove a webhook for good, with what was given up'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and not __fish_seen_subcommand_from add list show test retry delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from add" -l event -d 'Only this: user.changed or user.deleted; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from add" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from add" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from add" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from add" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from add" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from list" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from list" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from list" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from show" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from show" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from show" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from show" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from test" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from test" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from test" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from test" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from test" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from test" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from retry" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from retry" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from retry" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from retry" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from retry" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from retry" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from retry" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from delete" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from delete" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from delete" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from delete" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from delete" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a webhook, and show its secret this once'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from help" -f -a "list" -d 'List webhooks, and how far they were told'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a webhook, and the messages that were given up'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from help" -f -a "test" -d 'Send a webhook a message of the type \'test\', now and from here'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Let authd try at once what has failed, and what was given up'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Remove a webhook for good, with what was given up'
complete -c authctl -n "__fish_authctl_using_subcommand webhook; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -f -a "list" -d 'List the keys that sign and signed, oldest first'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -f -a "rotate" -d 'Make the key that signs next'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -f -a "import" -d 'Import a private key that was made elsewhere, to sign next'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -f -a "retire" -d 'Let a key that does not sign verify no longer'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -f -a "revoke" -d 'Revoke a key that may have leaked'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -f -a "export-public" -d 'Print the public keys that verify tokens now, as a JSON Web Key Set'
complete -c authctl -n "__fish_authctl_using_subcommand key; and not __fish_seen_subcommand_from list rotate import retire revoke export-public help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from list" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from list" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from list" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from rotate" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from rotate" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from rotate" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from rotate" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from rotate" -l now -d 'Let it sign at once; services that check tokens offline must fetch the keys again to know it'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from rotate" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from rotate" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from rotate" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from import" -l algorithm -d 'What it signs with: EdDSA, ES256, RS256 or HS256' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from import" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from import" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from import" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from import" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from import" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from retire" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from retire" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from retire" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from retire" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from retire" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from retire" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from retire" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from retire" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from retire" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from revoke" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from revoke" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from revoke" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from revoke" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from revoke" -s y -l yes -d 'Do not ask for confirmation'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from revoke" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from export-public" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from export-public" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from export-public" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from export-public" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from export-public" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from export-public" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from export-public" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from export-public" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the keys that sign and signed, oldest first'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'Make the key that signs next'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "import" -d 'Import a private key that was made elsewhere, to sign next'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "retire" -d 'Let a key that does not sign verify no longer'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Revoke a key that may have leaked'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "export-public" -d 'Print the public keys that verify tokens now, as a JSON Web Key Set'
complete -c authctl -n "__fish_authctl_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -f -a "rotate" -d 'Seal the signing keys under another secret key'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and not __fish_seen_subcommand_from rotate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from rotate" -l new-secret-file -d 'Take the new secret from this file (64 hexadecimal digits) instead of making one' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from rotate" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from rotate" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from rotate" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from rotate" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from rotate" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from rotate" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from rotate" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'Seal the signing keys under another secret key'
complete -c authctl -n "__fish_authctl_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l user -d 'Only what was done to this account, or by it: e-mail address or id; a deleted one by its id' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l since -d 'Only from this time on: 2026-11-25T10:00:00Z, or how long ago, as 24h or 7d' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l action -d 'Only these events: \'login\', \'user.changed\' ...' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l limit -d 'At most so many' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l after -d 'Only those after this number: the next page' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l follow -d 'Go on with new events as they come, one a line, until Ctrl-C'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "verify" -d 'Check that no event was changed, removed or put between others'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l expect -d 'The hash that an earlier run printed: its event must still be there' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Check that no event was changed, removed or put between others'
complete -c authctl -n "__fish_authctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand export" -l format -d 'How it is written' -r -f -a "jsonl\t'A JSON object a line'
csv\t'A table with a header'
toml\t'The document of \'apply\''"
complete -c authctl -n "__fish_authctl_using_subcommand export" -s f -l file -d 'Write into this file, in the place of what is in it [default: -, standard output]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand export" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand export" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand export" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand export" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand export" -l with-password-hashes -d 'With the hashes of passwords, as a secret: whoever has them can guess passwords as fast as they can. Needs the rights of a superuser, and is written down'
complete -c authctl -n "__fish_authctl_using_subcommand export" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand export" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand export" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand import" -l format -d 'How it is written [default: csv for a file named so, else jsonl]' -r -f -a "jsonl\t'A JSON object a line'
csv\t'A table with a header'"
complete -c authctl -n "__fish_authctl_using_subcommand import" -l on-conflict -d 'What to do with a row whose account is there' -r -f -a "fail\t'Refuse it'
skip\t'Pass it over'
update\t'Change the account to what the row says'"
complete -c authctl -n "__fish_authctl_using_subcommand import" -l from -d 'The system that it comes from' -r -f -a "django\t'A Django project: a dump, its SQLite file or its PostgreSQL database'"
complete -c authctl -n "__fish_authctl_using_subcommand import" -l model -d 'Model of the accounts, as accounts.User [default: the only one that looks like accounts]' -r
complete -c authctl -n "__fish_authctl_using_subcommand import" -l map -d 'Where a column (pk: the primary key) goes: field:NAME, external_id, email, ..., or - for nowhere; may be repeated' -r
complete -c authctl -n "__fish_authctl_using_subcommand import" -l check -d 'Only ask for the password of this account, and say whether it could log in with it' -r
complete -c authctl -n "__fish_authctl_using_subcommand import" -l on-collision -d 'What to do with accounts whose addresses differ in the case of letters only' -r -f -a "refuse\t'Import nothing, and say which they are'
latest-login\t'Leave out all but the one that logged in last'
first\t'Leave out all but the first'"
complete -c authctl -n "__fish_authctl_using_subcommand import" -l password-file -d 'Read the password from a file (one line end at its end is dropped)' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand import" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand import" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand import" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand import" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand import" -l dry-run -d 'Only say what would be done'
complete -c authctl -n "__fish_authctl_using_subcommand import" -l keep-going -d 'Import all that fits, though some rows do not'
complete -c authctl -n "__fish_authctl_using_subcommand import" -l accept-legacy -d 'Take passwords that are hashed with MD5 or SHA-1 once, too'
complete -c authctl -n "__fish_authctl_using_subcommand import" -s y -l yes -d 'Do not ask whether the fields that are proposed are right'
complete -c authctl -n "__fish_authctl_using_subcommand import" -l password-stdin -d 'Read the password from standard input (one line end at its end is dropped)'
complete -c authctl -n "__fish_authctl_using_subcommand import" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand import" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand import" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand apply" -s f -l file -d 'Document to read, or - for standard input' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand apply" -l secrets-file -d 'Write the secrets of new clients into this file (mode 0600), instead of showing them' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand apply" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand apply" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand apply" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand apply" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand apply" -l dry-run -d 'Only say what would be done'
complete -c authctl -n "__fish_authctl_using_subcommand apply" -l prune -d 'Delete what the document does not list, of the kinds that are in it'
complete -c authctl -n "__fish_authctl_using_subcommand apply" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand apply" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand apply" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -f -a "copy" -d 'Copy a whole installation into another database'
complete -c authctl -n "__fish_authctl_using_subcommand db; and not __fish_seen_subcommand_from copy help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -l from -d 'Database to copy, as sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME' -r
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -l to -d 'Database to fill, written likewise: a new or an empty one' -r
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from copy" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from help" -f -a "copy" -d 'Copy a whole installation into another database'
complete -c authctl -n "__fish_authctl_using_subcommand db; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -f -a "show" -d 'Show every value and where it came from'
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -f -a "check" -d 'Check the configuration without doing anything'
complete -c authctl -n "__fish_authctl_using_subcommand config; and not __fish_seen_subcommand_from show check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from show" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from show" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from check" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from check" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from check" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from check" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show every value and where it came from'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check the configuration without doing anything'
complete -c authctl -n "__fish_authctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand ping" -l url -d 'Where authd is, as http(s)://host:port or unix:/path [default: the first address it is configured to listen at]' -r
complete -c authctl -n "__fish_authctl_using_subcommand ping" -l wait -d 'Keep asking for so long, as in 30s' -r
complete -c authctl -n "__fish_authctl_using_subcommand ping" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand ping" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand ping" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand ping" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand ping" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand ping" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand ping" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand ping" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand completions" -l config -d 'Configuration file [default: ./authd.toml, else /etc/authd/authd.toml]' -r -F
complete -c authctl -n "__fish_authctl_using_subcommand completions" -l database -d 'Database, as sqlite:PATH or postgres://USER@HOST:PORT/NAME [default: sqlite:authd.db]' -r
complete -c authctl -n "__fish_authctl_using_subcommand completions" -s o -l output -d 'How results look' -r -f -a "table\t'For people; fits the terminal'
json\t'One JSON document'
tsv\t'One line a row, columns separated by tabs, no heading'"
complete -c authctl -n "__fish_authctl_using_subcommand completions" -l as -d 'Do it with the rights of this account, and in its name: e-mail address or id' -r
complete -c authctl -n "__fish_authctl_using_subcommand completions" -s q -l quiet -d 'Say nothing but the result; of accounts, the ids'
complete -c authctl -n "__fish_authctl_using_subcommand completions" -l no-input -d 'Never ask: what is not given is an error'
complete -c authctl -n "__fish_authctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c authctl -n "__fish_authctl_using_subcommand completions" -s V -l version -d 'Print version'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "migrate" -d 'Create the database, or bring it up to this release'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "createsuperuser" -d 'Create an account that may do everything'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "user" -d 'Manage accounts'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "group" -d 'Manage groups: accounts that may do the same'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "permission" -d 'Manage permissions: what accounts can be allowed to do'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "field" -d 'Manage the fields that accounts have beside what every account has'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "session" -d 'Show and end sessions'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "client" -d 'Manage clients: services that ask for tokens and about tokens'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "token" -d 'Manage API tokens: what stands for a user or a client in scripts'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "webhook" -d 'Manage webhooks: services that are told what becomes of accounts'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "key" -d 'Manage the keys that sign tokens'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "secret" -d 'Manage the secret key, which seals the signing keys in the database'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "audit" -d 'Show what was done, by whom, to whom, from where and with what result'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "export" -d 'Write every account to a file or standard output'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "import" -d 'Bring accounts in from a file, as \'export\' writes it'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "apply" -d 'Make the installation what a document says'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "db" -d 'Manage whole databases'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "config" -d 'Look at the configuration'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "ping" -d 'Ask authd whether it is ready'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "completions" -d 'Print the completion script for a shell'
complete -c authctl -n "__fish_authctl_using_subcommand help; and not __fish_seen_subcommand_from migrate createsuperuser user group permission field session client token webhook key secret audit export import apply db config ping completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "add" -d 'Add an account'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "list" -d 'List accounts in the order they were created'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "show" -d 'Show an account'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "set" -d 'Change fields of an account'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "passwd" -d 'Set a new password for an account'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "invite" -d 'Let somebody choose the first password of an account'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "reset-link" -d 'Let the owner of an account choose another password'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "confirm-email" -d 'Let somebody confirm the address of an account'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "enable" -d 'Let a disabled account log in again'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "disable" -d 'Stop an account from logging in'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "grant" -d 'Give an account a permission by itself'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "revoke" -d 'Take from an account a permission that it was given by itself'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "permissions" -d 'List what an account may do'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "delete" -d 'Remove an account for good'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from group" -f -a "add" -d 'Add a group, without members and permissions'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from group" -f -a "list" -d 'List groups by their names'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from group" -f -a "show" -d 'Show a group'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from group" -f -a "rename" -d 'Give a group another name'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from group" -f -a "delete" -d 'Remove a group for good'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from group" -f -a "add-user" -d 'Put an account into a group'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from group" -f -a "remove-user" -d 'Take an account out of a group'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from group" -f -a "grant" -d 'Give a permission to all members of a group'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from group" -f -a "revoke" -d 'Take a permission from a group'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from permission" -f -a "add" -d 'Add a permission of your own, for your services to ask for'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from permission" -f -a "list" -d 'List permissions by their names'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from permission" -f -a "delete" -d 'Remove a permission of your own, from all who have it'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from field" -f -a "add" -d 'Add a field that every account has from now on'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from field" -f -a "list" -d 'List fields by their names'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from field" -f -a "show" -d 'Show a field'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from field" -f -a "change" -d 'Change the rules of a field'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from field" -f -a "rename" -d 'Give a field another name'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from field" -f -a "delete" -d 'Remove a field for good, with what accounts have in it'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "list" -d 'List sessions in the order of their logins'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "revoke" -d 'End a session, or every session of an account'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "prune" -d 'End the sessions whose time is up, and forget what ended long ago'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from client" -f -a "add" -d 'Add a client, and show its secret this once'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from client" -f -a "list" -d 'List clients by their ids'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from client" -f -a "show" -d 'Show a client, without its secret'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from client" -f -a "rotate-secret" -d 'Give a client another secret, and show it this once'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from client" -f -a "enable" -d 'Let a disabled client do what it may again'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from client" -f -a "disable" -d 'Stop a client'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from client" -f -a "delete" -d 'Remove a client for good'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "add" -d 'Make an API token, and show it this once'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "list" -d 'List API tokens in the order they were made, expired ones among them'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "revoke" -d 'Revoke an API token: the next verify of it fails'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from webhook" -f -a "add" -d 'Add a webhook, and show its secret this once'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from webhook" -f -a "list" -d 'List webhooks, and how far they were told'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from webhook" -f -a "show" -d 'Show a webhook, and the messages that were given up'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from webhook" -f -a "test" -d 'Send a webhook a message of the type \'test\', now and from here'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from webhook" -f -a "retry" -d 'Let authd try at once what has failed, and what was given up'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from webhook" -f -a "delete" -d 'Remove a webhook for good, with what was given up'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "list" -d 'List the keys that sign and signed, oldest first'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "rotate" -d 'Make the key that signs next'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "import" -d 'Import a private key that was made elsewhere, to sign next'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "retire" -d 'Let a key that does not sign verify no longer'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "revoke" -d 'Revoke a key that may have leaked'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "export-public" -d 'Print the public keys that verify tokens now, as a JSON Web Key Set'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from secret" -f -a "rotate" -d 'Seal the signing keys under another secret key'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Check that no event was changed, removed or put between others'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from db" -f -a "copy" -d 'Copy a whole installation into another database'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Show every value and where it came from'
complete -c authctl -n "__fish_authctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Check the configuration without doing anything'
