package main

import (
	"context"
	"os"
)

func main() {
	cfg, err := Load(Sources{Dev: true, Environ: os.Environ()})
	if err != nil {
		panic(err)
	}
	if err := serve(context.Background(), cfg, os.Stdout); err != nil {
		panic(err)
	}
}
