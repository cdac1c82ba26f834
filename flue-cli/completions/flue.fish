# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_flue_global_optspecs
    string join \n h/help V/version
end

function __fish_flue_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_flue_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_flue_using_subcommand
    set -l cmd (__fish_flue_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c flue -n "__fish_flue_needs_command" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_needs_command" -s V -l version -d 'Print version'
complete -c flue -n "__fish_flue_needs_command" -f -a "run" -d 'Let an agent work on a message until it answers'
complete -c flue -n "__fish_flue_needs_command" -f -a "chat" -d 'Talk with an agent, message by message'
complete -c flue -n "__fish_flue_needs_command" -f -a "sessions" -d 'Look after stored sessions: list, show, fork and others'
complete -c flue -n "__fish_flue_needs_command" -f -a "sandboxes" -d 'Look after remote sandboxes: list, stop, delete, sweep'
complete -c flue -n "__fish_flue_needs_command" -f -a "exec" -d 'Run one shell command in a sandbox, without a model'
complete -c flue -n "__fish_flue_needs_command" -f -a "models" -d 'List the providers of this build, or the models of one'
complete -c flue -n "__fish_flue_needs_command" -f -a "trace" -d 'Show what happened in a recorded run'
complete -c flue -n "__fish_flue_needs_command" -f -a "reach" -d 'Show what a recorded run touched, and whether less would do'
complete -c flue -n "__fish_flue_needs_command" -f -a "doctor" -d 'Try which sandboxes this machine can have, and what it can enforce'
complete -c flue -n "__fish_flue_using_subcommand run" -s m -l message -d 'What to say to the agent; @FILE reads a file, `-` standard input' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l model -d 'The model, as provider/model; else the agent file\'s, else the one that FLUE_MODEL names' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l instructions -d 'What the agent is told first, instead of what its file says; @FILE reads a file' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l thinking -d 'How hard the model thinks: off, minimal, low, medium, high, xhigh or max' -r -f -a "off\t''
minimal\t''
low\t''
medium\t''
high\t''
xhigh\t''
max\t''"
complete -c flue -n "__fish_flue_using_subcommand run" -l session -d 'Keep the conversation under a name, and go on with it; it keeps no files of a virtual sandbox' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l timeout -d 'Stop after this time: 90, 90s, 15m or 1h' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l max-turns -d 'Stop after so many turns of the model' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l max-tokens -d 'Stop when this many tokens were used' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l max-cost -d 'Stop when this was spent, in US dollars' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l allow -d 'Let calls of this tool run; `*` is all, and a name counts more than `*`. They do when nothing is said' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l ask -d 'Be asked before each call; with nobody at a terminal, none runs' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l deny -d 'Let none run; all three are repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l sandbox -d 'virtual: files in memory, reaches nothing else; virtual:contained: in a process of its own; local: this machine itself, nothing isolated; local:confined: commands held to the directory; local:overlay: changes kept aside; local:copy: the same in a copy; docker:IMAGE: a container, without network; ssh://USER@HOST:PORT/DIR: another machine; cloudflare, daytona[:SNAPSHOT], e2b[:TEMPLATE]: a machine of a provider; k8s:POOL: a pod of a cluster\'s warm pool [default: virtual]' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l cwd -d 'The directory to work in [default: /workspace; local: the current one]' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l env -d 'Set a variable for commands, or with KEY alone pass on this machine\'s; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l stage -d 'Copy a file or directory in first; repeatable' -r -F
complete -c flue -n "__fish_flue_using_subcommand run" -l collect -d 'Copy one out in the end; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l network-allow -d 'Virtual: let curl and wget reach URLs that begin so; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l allow-host -d 'Confined: let commands reach a host by its name; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l allow-write -d 'Confined: let commands write beneath another directory; repeatable' -r -F
complete -c flue -n "__fish_flue_using_subcommand run" -l keep -d 'Remote: do not delete it in the end; with a name, go on in what was kept under it' -r
complete -c flue -n "__fish_flue_using_subcommand run" -l patch -d 'Write them as a patch for git' -r -F
complete -c flue -n "__fish_flue_using_subcommand run" -l schema -d 'Have the result in this form, a JSON Schema, and print it as JSON instead of the answer' -r -F
complete -c flue -n "__fish_flue_using_subcommand run" -l events -d 'Print each event as a line of JSON instead of the answer; or write them to FILE beside it' -r -F
complete -c flue -n "__fish_flue_using_subcommand run" -l review -d 'Show them, and ask [default with local:overlay]'
complete -c flue -n "__fish_flue_using_subcommand run" -l apply -d 'Apply them, if all went well'
complete -c flue -n "__fish_flue_using_subcommand run" -l discard -d 'Forget them'
complete -c flue -n "__fish_flue_using_subcommand run" -s q -l quiet -d 'Show no progress'
complete -c flue -n "__fish_flue_using_subcommand run" -s v -l verbose -d 'Also show turns, thinking and what tools return'
complete -c flue -n "__fish_flue_using_subcommand run" -l resume -d 'Say nothing, and go on with the session\'s last message, which was interrupted'
complete -c flue -n "__fish_flue_using_subcommand run" -l json -d 'Print one JSON object instead of the answer'
complete -c flue -n "__fish_flue_using_subcommand run" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand chat" -l model -d 'The model, as provider/model; else the agent file\'s, else the one that FLUE_MODEL names' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l instructions -d 'What the agent is told first, instead of what its file says; @FILE reads a file' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l thinking -d 'How hard the model thinks: off, minimal, low, medium, high, xhigh or max' -r -f -a "off\t''
minimal\t''
low\t''
medium\t''
high\t''
xhigh\t''
max\t''"
complete -c flue -n "__fish_flue_using_subcommand chat" -l session -d 'Keep the conversation under a name, and go on with it; it keeps no files of a virtual sandbox' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l timeout -d 'Stop after this time: 90, 90s, 15m or 1h' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l max-turns -d 'Stop after so many turns of the model' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l max-tokens -d 'Stop when this many tokens were used' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l max-cost -d 'Stop when this was spent, in US dollars' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l allow -d 'Let calls of this tool run; `*` is all, and a name counts more than `*`. They do when nothing is said' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l ask -d 'Be asked before each call; with nobody at a terminal, none runs' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l deny -d 'Let none run; all three are repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l sandbox -d 'virtual: files in memory, reaches nothing else; virtual:contained: in a process of its own; local: this machine itself, nothing isolated; local:confined: commands held to the directory; local:overlay: changes kept aside; local:copy: the same in a copy; docker:IMAGE: a container, without network; ssh://USER@HOST:PORT/DIR: another machine; cloudflare, daytona[:SNAPSHOT], e2b[:TEMPLATE]: a machine of a provider; k8s:POOL: a pod of a cluster\'s warm pool [default: virtual]' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l cwd -d 'The directory to work in [default: /workspace; local: the current one]' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l env -d 'Set a variable for commands, or with KEY alone pass on this machine\'s; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l stage -d 'Copy a file or directory in first; repeatable' -r -F
complete -c flue -n "__fish_flue_using_subcommand chat" -l collect -d 'Copy one out in the end; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l network-allow -d 'Virtual: let curl and wget reach URLs that begin so; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l allow-host -d 'Confined: let commands reach a host by its name; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l allow-write -d 'Confined: let commands write beneath another directory; repeatable' -r -F
complete -c flue -n "__fish_flue_using_subcommand chat" -l keep -d 'Remote: do not delete it in the end; with a name, go on in what was kept under it' -r
complete -c flue -n "__fish_flue_using_subcommand chat" -l patch -d 'Write them as a patch for git' -r -F
complete -c flue -n "__fish_flue_using_subcommand chat" -l review -d 'Show them, and ask [default with local:overlay]'
complete -c flue -n "__fish_flue_using_subcommand chat" -l apply -d 'Apply them, if all went well'
complete -c flue -n "__fish_flue_using_subcommand chat" -l discard -d 'Forget them'
complete -c flue -n "__fish_flue_using_subcommand chat" -s q -l quiet -d 'Show no progress'
complete -c flue -n "__fish_flue_using_subcommand chat" -s v -l verbose -d 'Also show turns, thinking and what tools return'
complete -c flue -n "__fish_flue_using_subcommand chat" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sessions; and not __fish_seen_subcommand_from list show fork delete export import" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand sessions; and not __fish_seen_subcommand_from list show fork delete export import" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sessions; and not __fish_seen_subcommand_from list show fork delete export import" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sessions; and not __fish_seen_subcommand_from list show fork delete export import" -f -a "list" -d 'List the sessions'
complete -c flue -n "__fish_flue_using_subcommand sessions; and not __fish_seen_subcommand_from list show fork delete export import" -f -a "show" -d 'Show what was said in one'
complete -c flue -n "__fish_flue_using_subcommand sessions; and not __fish_seen_subcommand_from list show fork delete export import" -f -a "fork" -d 'Copy one, to go on from there without a trace in it'
complete -c flue -n "__fish_flue_using_subcommand sessions; and not __fish_seen_subcommand_from list show fork delete export import" -f -a "delete" -d 'Remove sessions, with those of their tasks'
complete -c flue -n "__fish_flue_using_subcommand sessions; and not __fish_seen_subcommand_from list show fork delete export import" -f -a "export" -d 'Write one as lines of JSON, with those of its tasks'
complete -c flue -n "__fish_flue_using_subcommand sessions; and not __fish_seen_subcommand_from list show fork delete export import" -f -a "import" -d 'Read what `export` wrote, under the name it had'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from list" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from show" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from fork" -l at -d 'Copy this many entries only, from the beginning' -r
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from fork" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from fork" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from fork" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from delete" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from delete" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from export" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from export" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from import" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from import" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sessions; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and not __fish_seen_subcommand_from list stop delete sweep" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and not __fish_seen_subcommand_from list stop delete sweep" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and not __fish_seen_subcommand_from list stop delete sweep" -f -a "list" -d 'List a provider\'s sandboxes'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and not __fish_seen_subcommand_from list stop delete sweep" -f -a "stop" -d 'Stop some, and keep their files'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and not __fish_seen_subcommand_from list stop delete sweep" -f -a "delete" -d 'Delete some, with their files'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and not __fish_seen_subcommand_from list stop delete sweep" -f -a "sweep" -d 'Delete those whose time is over: what runs left that did not come to their end'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and __fish_seen_subcommand_from stop" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and __fish_seen_subcommand_from delete" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and __fish_seen_subcommand_from sweep" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand sandboxes; and __fish_seen_subcommand_from sweep" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand exec" -l script -d 'Run the shell script in FILE' -r -F
complete -c flue -n "__fish_flue_using_subcommand exec" -l timeout -d 'Stop the command after this time: 90, 90s, 15m, 1h' -r
complete -c flue -n "__fish_flue_using_subcommand exec" -l sandbox -d 'virtual: files in memory, reaches nothing else; virtual:contained: in a process of its own; local: this machine itself, nothing isolated; local:confined: commands held to the directory; local:overlay: changes kept aside; local:copy: the same in a copy; docker:IMAGE: a container, without network; ssh://USER@HOST:PORT/DIR: another machine; cloudflare, daytona[:SNAPSHOT], e2b[:TEMPLATE]: a machine of a provider; k8s:POOL: a pod of a cluster\'s warm pool [default: virtual]' -r
complete -c flue -n "__fish_flue_using_subcommand exec" -l cwd -d 'The directory to work in [default: /workspace; local: the current one]' -r
complete -c flue -n "__fish_flue_using_subcommand exec" -l env -d 'Set a variable for commands, or with KEY alone pass on this machine\'s; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand exec" -l stage -d 'Copy a file or directory in first; repeatable' -r -F
complete -c flue -n "__fish_flue_using_subcommand exec" -l collect -d 'Copy one out in the end; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand exec" -l network-allow -d 'Virtual: let curl and wget reach URLs that begin so; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand exec" -l allow-host -d 'Confined: let commands reach a host by its name; repeatable' -r
complete -c flue -n "__fish_flue_using_subcommand exec" -l allow-write -d 'Confined: let commands write beneath another directory; repeatable' -r -F
complete -c flue -n "__fish_flue_using_subcommand exec" -l keep -d 'Remote: do not delete it in the end; with a name, go on in what was kept under it' -r
complete -c flue -n "__fish_flue_using_subcommand exec" -l patch -d 'Write them as a patch for git' -r -F
complete -c flue -n "__fish_flue_using_subcommand exec" -l terminal -d 'Run it at a terminal, for programs that insist on one'
complete -c flue -n "__fish_flue_using_subcommand exec" -l review -d 'Show them, and ask [default with local:overlay]'
complete -c flue -n "__fish_flue_using_subcommand exec" -l apply -d 'Apply them, if all went well'
complete -c flue -n "__fish_flue_using_subcommand exec" -l discard -d 'Forget them'
complete -c flue -n "__fish_flue_using_subcommand exec" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand models" -s p -l provider -d 'Show what is known of the models of this one: limits, prices, images, levels of thinking' -r
complete -c flue -n "__fish_flue_using_subcommand models" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand models" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand trace" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand trace" -l html -d 'Write a page for browsers to OUT instead, with everything in it' -r -F
complete -c flue -n "__fish_flue_using_subcommand trace" -l columns -d 'Fit into N columns [default: the terminal\'s, or 80]' -r
complete -c flue -n "__fish_flue_using_subcommand trace" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand reach" -l store -d 'Where sessions are kept: jsonl:DIR, sqlite:FILE, postgres://...; else what FLUE_STORE says, else files of yours below ~/.local/state/flue' -r
complete -c flue -n "__fish_flue_using_subcommand reach" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand reach" -s h -l help -d 'Print help'
complete -c flue -n "__fish_flue_using_subcommand doctor" -l json -d 'Print JSON'
complete -c flue -n "__fish_flue_using_subcommand doctor" -s h -l help -d 'Print help'
