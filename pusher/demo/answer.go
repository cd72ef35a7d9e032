package demo

import (
	"context"
	"crypto/rand"
	_ "embed" // of what is answered
	"encoding/hex"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// answerPrefix begins the name of an answer's channel. Its rule keeps what was written, for those who come late.
const answerPrefix = "private-demo-answer-"

const (
	maxAnswers   = 8 // that are written at once
	answerBegins = 600 * time.Millisecond
	answerBeat   = 70 * time.Millisecond
	// answerLinger is how many beats an answer is written with nobody there.
	answerLinger = int(15 * time.Second / answerBeat)
)

//go:embed answers.txt
var answersText string

// answers are what is told to whoever asks, with their questions. Nobody has thought of them before: see answers.txt.
var answers = parseAnswers(answersText)

type answer struct {
	question string
	tokens   []string // each with the blank behind it
}

// token cuts a text as language models do, roughly: words in pieces.
var token = regexp.MustCompile(`\s*[\pL\pN]{1,6}|\s*[^\s\pL\pN]+|\s+`)

// parseAnswers reads paragraphs that begin with a line "# question".
func parseAnswers(text string) (all []answer) {
	for part := range strings.SplitSeq("\n"+text, "\n# ") {
		question, rest, ok := strings.Cut(part, "\n")
		if !ok || question == "" {
			continue
		}
		all = append(all, answer{question, token.FindAllString(strings.TrimSpace(rest), -1)})
	}
	return all
}

// ask starts an answer to one of the known questions, by number, and tells its id. A real backend would ask its model here, and publish
// each piece as it comes.
func (s *Site) ask(fields url.Values) (any, error) {
	n, err := strconv.Atoi(fields.Get("question"))
	if err != nil || n < 0 || n >= len(answers) {
		return nil, bad("question is no number of one")
	}
	var id [8]byte
	rand.Read(id[:])
	name := hex.EncodeToString(id[:])
	started := s.start(func() bool {
		if s.writing >= maxAnswers {
			return false
		}
		s.writing++
		return true
	}, func(ctx context.Context) { s.write(ctx, answerPrefix+name, &answers[n]) })
	if !started {
		return nil, &refusal{http.StatusTooManyRequests, "Enough is being written at the moment; try again in a while"}
	}
	return map[string]string{"id": name}, nil
}

// write publishes an answer, a token at a time: question, token…, end.
func (s *Site) write(ctx context.Context, channel string, a *answer) {
	defer func() {
		s.mu.Lock()
		s.writing--
		s.mu.Unlock()
	}()
	s.publish(channel, "question", map[string]any{"text": a.question, "tokens": len(a.tokens)})
	timer := time.NewTimer(answerBegins)
	defer timer.Stop()
	alone := 0
	for i, text := range a.tokens {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if alone++; s.occupied(channel) {
			alone = 0
		}
		if alone > answerLinger {
			break
		}
		s.publish(channel, "token", map[string]any{"n": i, "text": text, "at": time.Now().UnixMilli()})
		timer.Reset(pause(text))
	}
	s.publish(channel, "end", struct{}{})
}

// pause is how long the next token takes: no two the same, and longer behind the end of a sentence.
func pause(text string) time.Duration {
	jitter, err := rand.Int(rand.Reader, big.NewInt(int64(answerBeat)))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	wait := answerBeat/2 + time.Duration(jitter.Int64())
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, ":") {
		wait += 3 * answerBeat
	}
	return wait
}
