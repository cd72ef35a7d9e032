// Package backbonetest is the contract of backbone.Bus as tests, for every driver.
package backbonetest
