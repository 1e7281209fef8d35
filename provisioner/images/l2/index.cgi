#!/bin/sh
# The web page of the guest: what it got, for people.
printf 'Content-Type: text/html; charset=utf-8\r\n\r\n'
cat <<'HTML'
<!doctype html>
<html lang="en"><meta name="viewport" content="width=device-width"><title>A Nestex guest</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:2em auto;padding:0 1em}
td{padding:.2em 1em .2em 0;vertical-align:top}td+td{font-family:monospace;overflow-wrap:anywhere}</style>
<h1>What this guest got</h1><table>
HTML
/bin/report | sed -e 's/^{//' -e 's/}$//' -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/, "\([a-z_0-9]*\)": /\n"\1": /g' |
    while IFS=: read -r name value; do
        echo "<tr><td>$(echo "$name" | tr -d '"' | tr _ ' ')<td>$value"
    done
echo '</table><p>The same as JSON: <a href="/cgi-bin/report">/cgi-bin/report</a>.</html>'
