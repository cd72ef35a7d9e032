package fleet

// A Summary is what a node says of itself.
type Summary struct {
	ID   string `json:"id"` // of the incarnation
	Name string `json:"name"`
	Vitals
}

// Vitals are how a node is. Rates are of the last seconds.
type Vitals struct {
	Version  string `json:"version"`
	Started  int64  `json:"started"` // Unix milliseconds
	Host     string `json:"host"`    // the name of the machine
	Console  string `json:"console"` // where people reach its admin listener; "": nobody knows
	Local    bool   `json:"local"`   // Console is an address that only its own machine reaches
	Stamp    uint16 `json:"stamp"`   // of its socket ids
	Ready    bool   `json:"ready"`
	Reason   string `json:"reason"` // why it is not
	Draining bool   `json:"draining"`

	Connections   int     `json:"connections"`
	Subscriptions int     `json:"subscriptions"`
	Channels      int     `json:"channels"`
	Users         int     `json:"users"` // signed in
	MessagesIn    float64 `json:"messages_in"`
	MessagesOut   float64 `json:"messages_out"`
	Published     float64 `json:"published"`
	Lag           float64 `json:"lag_ms"` // of the worst loop
	Memory        float64 `json:"memory_bytes"`
	CPU           float64 `json:"cpu"`
	Backlog       float64 `json:"backlog_bytes"`

	HooksQueued  int `json:"hooks_queued"`  // events
	HooksFailing int `json:"hooks_failing"` // webhooks
	DeadLetters  int `json:"dead_letters"`
}
