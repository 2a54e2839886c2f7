#!/bin/bash
# Starts Fluent Bit as the base image does, with the plugin loaded as filter and as output.
#
# The base's own start script is taken as it stands, whichever version it is of, and its call of Fluent Bit gets two more `-e`. The
# init variant first runs its init process, which fetches configurations and writes the call. Arguments are handed on to Fluent Bit,
# behind the base's own: `-c FILE` starts another configuration than FireLens'.
set -euo pipefail

binary=/fluent-bit/bin/fluent-bit
plugins='-e /shiwake/flb-filter_shiwake.so -e /shiwake/shiwake.so'

cd /
start=/entrypoint.sh
if [[ -x /init/fluent_bit_init_process ]]; then
    /init/fluent_bit_init_process
    # Where the init process may not write into /init it writes here.
    start=/init/invoke_fluent_bit.sh
    [[ -s $start ]] || start=/tmp/init/invoke_fluent_bit.sh
fi
if [[ ! -r $start ]]; then
    echo "shiwake: the base image has no $start: build on aws-for-fluent-bit, or start fluent-bit $plugins yourself" >&2
    exit 64
fi

script=$(<"$start")
if [[ $script != *"$binary "* ]]; then
    echo "shiwake: $start of the base image does not call $binary: start fluent-bit $plugins yourself" >&2
    exit 64
fi
# The script's last words are the call, so what is behind it are its arguments.
eval "${script//"$binary "/"$binary $plugins "} \"\$@\""
