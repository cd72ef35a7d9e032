package probe

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// A Prober knows where to look. With neither processes nor a page its Readings are empty.
type Prober struct {
	PIDs    []int  // of the server; what they use is added up
	Metrics string // URL of its metrics, or empty
}

// A Reading is the state of a server at one instant.
type Reading struct {
	At      time.Time
	Process *Process           // nil without processes
	Metrics map[string]float64 // by name, summed over labels; nil without a page
	Slab    int64              // bytes of the kernel's own objects on the whole machine, 0 when unknown
}

// Read looks now. The error is the first of those met; what could be read is in the Reading.
func (p *Prober) Read() (*Reading, error) {
	r := &Reading{At: time.Now(), Slab: slab()}
	var failed error
	for _, pid := range p.PIDs {
		one, err := readProcess(pid)
		if err != nil {
			failed = fmt.Errorf("server process %d: %w", pid, err)
			continue
		}
		if r.Process == nil {
			r.Process = &Process{}
		}
		r.Process.add(one)
	}
	if p.Metrics != "" {
		values, err := fetch(p.Metrics)
		if err != nil && failed == nil {
			failed = fmt.Errorf("metrics: %w", err)
		}
		r.Metrics = values
	}
	return r, failed
}

var client = &http.Client{Timeout: 5 * time.Second}

func fetch(url string) (map[string]float64, error) {
	response, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() // read to its end or given up
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	page, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	return parseMetrics(page), nil
}
