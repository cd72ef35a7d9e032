package engine_test

const childVariable = "GANNET_ENGINE_TEST_CHILD"

func runChild() int { return 0 }
