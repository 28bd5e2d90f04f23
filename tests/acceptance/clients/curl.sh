#!/bin/sh
# curl: forms, files, chunks, `Expect`, several requests on one connection.
set -eu
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

check() {
    case "$3" in
    *"$2"*) ;;
    *)
        echo "$1: expected $2 in $3" >&2
        exit 1
        ;;
    esac
}

curl() {
    command curl --silent --show-error --max-time 30 "$@"
}

json='Content-Type: application/json'
ndarray='{"data":{"ndarray":[[1.5,2]]}}'
check ndarray '"ndarray":[[1.5,2.0]]' "$(curl -H "$json" -d "$ndarray" "$REST/predict")"
check get '"ndarray":[[1.5,2.0]]' "$(curl -G --data-urlencode "json=$ndarray" "$REST/predict")"
check form '"ndarray":[[1.5,2.0]]' "$(curl --data-urlencode "json=$ndarray" "$REST/predict")"
printf '\000\001\377' >"$folder/three"
check file '"binData":"AAH/"' "$(curl -F "binData=@$folder/three;filename=three" "$REST/predict")"
check field '"strData":"a text"' "$(curl -F 'strData=a text' "$REST/predict")"
check feedback '"strData":"received"' \
    "$(curl -H "$json" -d '{"request":{"strData":"a"},"reward":1}' "$REST/api/v1.0/feedback")"

# 70 KB: more than one read of a socket.
{
    printf '{"strData":"'
    head -c 70000 /dev/zero | tr '\0' 'x'
    printf '"}'
} >"$folder/large"
check chunks xxxxxx \
    "$(curl -H "$json" -H 'Transfer-Encoding: chunked' --data-binary @- "$REST/predict" <"$folder/large")"
check continue '"strData":"a"' \
    "$(curl -H "$json" -H 'Expect: 100-continue' -d '{"strData":"a"}' "$REST/predict")"
check old pong "$(curl --http1.0 "$REST/health/ping")"
check head 'HTTP/1.1 200' "$(curl --head "$REST/health/ping")"
check twice pongpong "$(curl "$REST/health/ping" "$REST/health/ping")"
check 'several on one' '"strData":"b"' "$(curl -H "$json" -d '{"strData":"a"}' "$REST/predict" \
    --next --silent -H "$json" -d '{"strData":"b"}' "$REST/predict")"
check 'not JSON' 400 "$(curl -o "$folder/body" -w '%{http_code}' -d 'a text' "$REST/predict")"
check method 405 "$(curl -o "$folder/body" -w '%{http_code}' -X DELETE "$REST/predict")"
check preflight 'access-control-allow-origin: *' "$(curl -i -X OPTIONS -H 'Origin: http://example.com' \
    -H 'Access-Control-Request-Method: POST' "$REST/predict" | tr 'A-Z' 'a-z')"
command curl --version | head -n 1 | cut -d ' ' -f 1,2
