// Go's net/http and grpc-go: `go run . rest` and `go run . grpc`.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == "grpc" {
		callGrpc(os.Getenv("GRPC"))
		fmt.Println("grpc-go", grpc.Version)
		return
	}
	callRest(os.Getenv("REST"))
	fmt.Println("net/http of", runtime.Version())
}

func check(what string, found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		log.Fatalf("%s: expected %v, got %v", what, expected, found)
	}
}

// JSON as a value, so that the order of keys does not count.
func value(text []byte) any {
	var found any
	if err := json.Unmarshal(text, &found); err != nil {
		log.Fatalf("%v: %s", err, text)
	}
	return found
}

func read(response *http.Response, err error) (int, []byte) {
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	return response.StatusCode, body
}

func callRest(rest string) {
	const kind = "application/json"
	for _, call := range [][2]string{
		{`{"data":{"ndarray":[[1.5,2]]}}`, `{"data":{"names":["t:0","t:1"],"ndarray":[[1.5,2]]},"meta":{}}`},
		{`{"data":{"tensor":{"shape":[1],"values":[3]}}}`, `{"data":{"names":[],"tensor":{"shape":[1],"values":[3]}},"meta":{}}`},
		{`{"strData":"größer"}`, `{"strData":"größer","meta":{}}`},
		{`{"binData":"AAEC/w=="}`, `{"binData":"AAEC/w==","meta":{}}`},
		{`{"jsonData":{"a":[1,null]}}`, `{"jsonData":{"a":[1,null]},"meta":{}}`},
	} {
		code, body := read(http.Post(rest+"/predict", kind, strings.NewReader(call[0])))
		check(call[0], code, 200)
		check(call[0], value(body), value([]byte(call[1])))
	}

	form := url.Values{"json": {`{"strData":"a"}`}}
	_, body := read(http.PostForm(rest+"/predict", form))
	check("form", value(body), value([]byte(`{"strData":"a","meta":{}}`)))

	var multi bytes.Buffer
	writer := multipart.NewWriter(&multi)
	part, _ := writer.CreateFormFile("binData", "three")
	part.Write([]byte{0, 1, 255})
	writer.Close()
	_, body = read(http.Post(rest+"/predict", writer.FormDataContentType(), &multi))
	check("file", value(body), value([]byte(`{"binData":"AAH/","meta":{}}`)))

	// A body of unknown length is sent in chunks.
	source, sink := io.Pipe()
	go func() {
		text := bytes.NewBufferString(`{"data":{"ndarray":[[0`)
		for number := 1; number <= 20000; number++ {
			fmt.Fprintf(text, ",%d", number)
			if number%1000 == 0 {
				text.WriteTo(sink)
			}
		}
		fmt.Fprint(sink, `]]}}`)
		sink.Close()
	}()
	_, body = read(http.Post(rest+"/predict", kind, io.NopCloser(source)))
	check("chunks", value(body), value([]byte(`{"data":{"names":["t:0"],"ndarray":[[200010000]]},"meta":{}}`)))

	request, _ := http.NewRequest("POST", rest+"/predict", strings.NewReader(`{"strData":"b"}`))
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Expect", "100-continue")
	client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: 30 * time.Second}}
	code, body := read(client.Do(request))
	check("continue", code, 200)
	check("continue", value(body), value([]byte(`{"strData":"b","meta":{}}`)))

	code, body = read(http.Head(rest + "/health/ping"))
	check("head", []any{code, len(body)}, []any{200, 0})
	_, body = read(http.Get(rest + "/health/ping"))
	check("ping", string(body), "pong")
	code, _ = read(http.Post(rest+"/predict", kind, strings.NewReader(`{"strData":"raise"}`)))
	check("raise", code, 500)
}

// Messages are written as bytes, which spares this program generated code.
type asBytes struct{}

func (asBytes) Marshal(message any) ([]byte, error) { return message.([]byte), nil }
func (asBytes) Unmarshal(data []byte, target any) error {
	*target.(*[]byte) = append([]byte{}, data...)
	return nil
}
func (asBytes) Name() string { return "proto" }

var _ encoding.Codec = asBytes{}

func field(number protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}

func tensor(values ...float64) []byte {
	var packed []byte
	for _, value := range values {
		packed = protowire.AppendFixed64(packed, math.Float64bits(value))
	}
	shape := protowire.AppendVarint([]byte{1}, uint64(len(values)))
	return field(3, field(2, append(field(1, shape), field(2, packed)...)))
}

func callGrpc(address string) {
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(asBytes{})))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	call := func(method string, message []byte) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		var response []byte
		err := connection.Invoke(ctx, "/seldon.protos."+method, message, &response)
		return response, err
	}
	mirrored := func(method string, message []byte) {
		response, err := call(method, message)
		if err != nil {
			log.Fatal(err)
		}
		if !bytes.Contains(response, message) {
			log.Fatalf("%s: %q is not in %q", method, message, response)
		}
	}
	text := field(5, []byte("größer"))
	mirrored("Model/Predict", text)
	mirrored("Seldon/Predict", text)
	mirrored("Transformer/TransformInput", text)
	mirrored("Model/Predict", field(4, []byte{0, 1, 255}))
	response, err := call("Model/Predict", tensor(1.5, -2))
	check("tensor", err, nil)
	packed := field(2, field(1, []byte{1, 2}))
	check("tensor", bytes.Contains(response, packed[2:]), true)
	_, err = call("Model/SendFeedback", append(field(1, text), 0x1d, 0, 0, 0, 0x3f))
	check("feedback", err, nil)
	many := make([]float64, 10000)
	response, err = call("Model/Predict", tensor(many...))
	check("large", err, nil)
	check("large", len(response) < 100, true)
	_, err = call("Model/Predict", field(5, []byte("raise")))
	check("raise", status.Code(err), codes.Unknown)
	_, err = call("Nowhere/Predict", text)
	check("no service", status.Code(err), codes.Unimplemented)
}
