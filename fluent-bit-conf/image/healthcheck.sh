#!/bin/bash
# Healthy is a Fluent Bit whose HTTP server answers. It does not ask whether destinations answer (/api/v1/health does): a store
# that is away for an hour must not make ECS kill the task that holds the records. Needs nothing but bash, as images of
# aws-for-fluent-bit have little else.
port="${1:-${HTTP_PORT:-2020}}"
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET /api/v1/uptime HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
IFS= read -r -t 4 status <&3 || exit 1
[[ $status == HTTP/1.?" 200"* ]]
