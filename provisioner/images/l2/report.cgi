#!/bin/sh
# What /bin/report says, over HTTP.
printf 'Content-Type: application/json\r\n\r\n'
exec /bin/report
