package report

import "time"

// A Result is what a run has shown. Durations are in milliseconds unless their names say otherwise;
// sizes are in bytes. Parts that the run had nothing to say about are nil.
type Result struct {
	Scenario  string    `json:"scenario"`
	Command   string    `json:"command"`
	Began     time.Time `json:"began"`
	Seconds   float64   `json:"seconds"` // of the measured window
	Marks     []string  `json:"marks"`   // why the figures should not be trusted; empty when they may be
	Setup     Setup     `json:"setup"`
	Connect   Connect   `json:"connect"`
	Delivery  *Delivery `json:"delivery,omitempty"`
	Churn     *Churn    `json:"churn,omitempty"`
	Server    *Server   `json:"server,omitempty"`
	Leak      *Leak     `json:"leak,omitempty"`
	Generator Generator `json:"generator"`
	Timeline  []Moment  `json:"timeline"`

	Problems map[string]int64 `json:"problems,omitempty"`
}

// A Setup is what was asked for.
type Setup struct {
	Targets     []string `json:"targets"`
	Subscribers int      `json:"subscribers"`
	Deaf        int      `json:"deaf,omitempty"`      // conns beside them that never read
	DeafRate    int      `json:"deaf_rate,omitempty"` // bytes a second that each of those reads all the same
	Channels    int      `json:"channels"`
	PerClient   int      `json:"channels_per_subscriber"`
	Publishers  int      `json:"publishers"`
	Via         string   `json:"via,omitempty"`
	Rate        float64  `json:"publishes_per_second,omitempty"` // 0 when saturating
	Burst       int      `json:"burst,omitempty"`
	Batch       int      `json:"batch,omitempty"`
	Window      int      `json:"window,omitempty"` // 0 unless saturating
	Until       string   `json:"until,omitempty"`  // when a message leaves the window
	Payload     int      `json:"payload"`
	ChurnRate   float64  `json:"churn_per_second,omitempty"`
}

// Connect is how the steady subscribers got there.
type Connect struct {
	Subscribed int64       `json:"subscribed"`
	Failed     int64       `json:"failed"`
	Dropped    int64       `json:"dropped"` // lost later
	Seconds    float64     `json:"seconds"`
	PerSecond  float64     `json:"per_second"`
	Join       Percentiles `json:"join"` // from begun to subscribed
	Curve      []Point     `json:"join_curve"`
}

// Delivery is what became of the messages.
type Delivery struct {
	PublishedPerSecond float64     `json:"published_per_second"`
	PerSecond          float64     `json:"delivered_per_second"`
	BytesPerSecond     float64     `json:"bytes_per_second"`
	Published          int64       `json:"published"` // with warm-up, like all that follow
	Expected           int64       `json:"expected"`
	Delivered          int64       `json:"delivered"`
	Lost               int64       `json:"lost"`
	Duplicates         int64       `json:"duplicates"`
	Disordered         int64       `json:"order_violations"`
	Stray              int64       `json:"stray"`
	Refused            int64       `json:"refused"`
	Unsent             int64       `json:"unsent"`
	Stalled            int64       `json:"stalled"`
	PerRead            float64     `json:"frames_per_read"` // how many the server and the kernel merged
	Latency            Percentiles `json:"latency"`
	Curve              []Point     `json:"latency_curve"`
	ClosedLoop         bool        `json:"closed_loop"` // latency is from the send, not from a schedule
}

// Churn is what became of conns that come and go.
type Churn struct {
	PerSecond float64     `json:"joined_per_second"`
	Joined    int64       `json:"joined"`
	Rejected  int64       `json:"rejected"`
	Cut       int64       `json:"cut"`
	Departed  int64       `json:"left"`
	Abandoned int64       `json:"never_begun"`
	Join      Percentiles `json:"join"` // from due to subscribed
	Curve     []Point     `json:"join_curve"`
}

// Percentiles are of a distribution, in milliseconds.
type Percentiles struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

// A Point is one of a curve: the part At of all, below 1, took at most Ms.
type Point struct {
	At float64 `json:"at"`
	Ms float64 `json:"ms"`
}

// Server is what the run cost it. Pointers are nil where it could not be seen.
type Server struct {
	UserSeconds   *float64 `json:"user_seconds,omitempty"` // in the window
	SystemSeconds *float64 `json:"system_seconds,omitempty"`
	Cores         *float64 `json:"cores,omitempty"` // on average
	UserPerM      *float64 `json:"user_seconds_per_million,omitempty"`
	SystemPerM    *float64 `json:"system_seconds_per_million,omitempty"` // deliveries, or joins without them
	RSS           *int64   `json:"rss,omitempty"`                        // at the end
	RSSBefore     *int64   `json:"rss_before,omitempty"`                 // without a conn
	PerConn       *float64 `json:"rss_per_conn,omitempty"`
	AnonPerConn   *float64 `json:"anonymous_per_conn,omitempty"`
	SlabPerConn   *float64 `json:"kernel_slab_per_conn,omitempty"` // both ends, all the machine
	FDs           *int     `json:"fds,omitempty"`
	Threads       *int     `json:"threads,omitempty"`
	SendsPer      *float64 `json:"sends_per_delivery,omitempty"`
	FramesPerSend *float64 `json:"frames_per_send,omitempty"`
	Goroutines    *float64 `json:"goroutines,omitempty"`
}

// Leak is by how much the server grew per hour, as a line through the last two thirds of the
// window has it.
type Leak struct {
	RSSPerHour        float64  `json:"rss_per_hour"`
	FDsPerHour        float64  `json:"fds_per_hour"`
	ThreadsPerHour    float64  `json:"threads_per_hour"`
	GoroutinesPerHour *float64 `json:"goroutines_per_hour,omitempty"`
	Hours             float64  `json:"hours"` // that the line is through
}

// Generator is what the load test itself used, in the window.
type Generator struct {
	Processes int     `json:"processes"`
	Workers   int     `json:"workers"`
	CPUs      []int   `json:"cpus"` // that it was allowed to use
	User      float64 `json:"user_seconds"`
	System    float64 `json:"system_seconds"`
	Busiest   float64 `json:"busiest_worker"`  // part of the time that it computed
	Starved   float64 `json:"starved_worker"`  // most that a worker waited for a processor
	Load      float64 `json:"processors_used"` // part of the allowed ones
	LateP99   float64 `json:"late_p99_ms"`     // of publishes that only the generator held up
	Saturated bool    `json:"saturated"`
}

// A Moment is one step of the time line.
type Moment struct {
	Second    float64  `json:"second"` // its beginning, from that of the window
	Delivered float64  `json:"delivered_per_second"`
	Published float64  `json:"published_per_second"`
	Joined    float64  `json:"joined_per_second,omitempty"`
	P50       float64  `json:"p50_ms"` // of what was measured: latency, or joining
	P99       float64  `json:"p99_ms"`
	Max       float64  `json:"max_ms"`
	Cores     *float64 `json:"server_cores,omitempty"`
	RSS       *int64   `json:"server_rss,omitempty"`
}
