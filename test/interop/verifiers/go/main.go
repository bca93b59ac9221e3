package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	var delivery struct {
		Secret  string
		Headers map[string]string
		Body    string
	}
	must(json.NewDecoder(os.Stdin).Decode(&delivery))
	headers := http.Header{}
	for name, value := range delivery.Headers {
		headers.Set(name, value)
	}
	webhook, err := standardwebhooks.NewWebhook(delivery.Secret)
	must(err)
	if webhook.Verify([]byte(delivery.Body), headers) != nil {
		os.Exit(3)
	}
	var event struct {
		OrgId int64
		Data  struct{ Id int64 }
	}
	must(json.Unmarshal([]byte(delivery.Body), &event))
	fmt.Println(event.OrgId, event.Data.Id)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
