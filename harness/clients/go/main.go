// Go's net/http, one client for the life of the process: a request is a line of JSON on standard
// input, its answer a line on standard output.
//
// The transport does not read a response's Keep-Alive; it keeps an idle connection for
// IdleConnTimeout, 90 s in the default transport, or until the server closes it
// (net/http/transport.go).
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"
)

// request is what is asked for.
type request struct {
	Method        string      `json:"method"`
	URL           string      `json:"url"`
	Headers       [][2]string `json:"headers"`
	Body          *string     `json:"body"`
	TimeoutMillis int64       `json:"timeout_millis"`
}

// response is the answer where there is a response, read to its end.
type response struct {
	Status    int   `json:"status"`
	BodyBytes int64 `json:"body_bytes"`
	Millis    int64 `json:"millis"`
}

// failure is the answer where there is none.
type failure struct {
	Error   string `json:"error"`
	Timeout bool   `json:"timeout"`
}

// noBody is an empty body that, other than http.NoBody, the transport does not know how to send
// again. Methods that usually have none are looked at before they are sent, so that nothing of it
// is on the wire.
type noBody struct{}

func (noBody) Read([]byte) (int, error) { return 0, io.EOF }
func (noBody) Close() error             { return nil }

func main() {
	insecure := false
	for _, argument := range os.Args[1:] {
		if argument != "--insecure" {
			fmt.Fprintf(os.Stderr, "unknown argument %s; there is --insecure\n", argument)
			os.Exit(2)
		}
		insecure = true
	}
	client := newClient(insecure)
	answers := json.NewEncoder(os.Stdout)
	version := strings.TrimPrefix(runtime.Version(), "go")
	say(answers, map[string]string{"ready": "Go net/http " + version})
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			say(answers, answer(client, line))
		}
		if err != nil {
			return
		}
	}
}

// say writes one line; a harness that no longer reads wants no more.
func say(answers *json.Encoder, value any) {
	if answers.Encode(value) != nil {
		os.Exit(1)
	}
}

// newClient returns a client with the default transport but for what would blur a case: proxies of
// the environment, HTTP/2 and redirects.
func newClient(insecure bool) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.ForceAttemptHTTP2 = false
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: insecure}
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// answer does what a line asks for.
func answer(client *http.Client, line []byte) any {
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return failure{Error: "not a request: " + err.Error()}
	}
	start := time.Now()
	timeout := time.Duration(asked.TimeoutMillis) * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	status, count, err := exchange(ctx, client, asked)
	if err != nil {
		late := errors.Is(err, context.DeadlineExceeded)
		return failure{Error: err.Error(), Timeout: late}
	}
	return response{status, count, time.Since(start).Milliseconds()}
}

// exchange sends a request and reads the response to its end.
func exchange(ctx context.Context, client *http.Client, asked request) (int, int64, error) {
	req, err := http.NewRequestWithContext(ctx, asked.Method, asked.URL, body(asked))
	if err != nil {
		return 0, 0, err
	}
	// With a way to get the body anew, or without a body, the transport would send an idempotent
	// request again when a reused connection ends before the response begins. That would hide the
	// cut. A POST without a body is sent again only where nothing of it had been written.
	req.GetBody = nil
	for _, field := range asked.Headers {
		if strings.EqualFold(field[0], "Host") {
			req.Host = field[1]
			continue
		}
		req.Header.Add(field[0], field[1])
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	count, err := io.Copy(io.Discard, res.Body)
	return res.StatusCode, count, err
}

func body(asked request) io.Reader {
	if asked.Body != nil {
		return strings.NewReader(*asked.Body)
	}
	switch asked.Method {
	case "GET", "HEAD", "DELETE", "OPTIONS":
		return noBody{}
	}
	return nil
}
