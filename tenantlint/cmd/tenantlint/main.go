// Tenantlint looks through a program that uses GORM for what defeats the isolation of tenants.
//
//	go run github.com/gormtenant/gormtenant/tenantlint/cmd/tenantlint@latest ./...
//	go vet -vettool=$(which tenantlint) ./...
//
// The first form has -fix, which writes the suggested fixes. The second reuses the results of go
// vet's cache. Both exit with a status other than 0 if there is a finding.
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/gormtenant/gormtenant/tenantlint"
)

// multichecker also speaks the protocol of go vet -vettool; singlechecker does not.
func main() { multichecker.Main(tenantlint.Analyzer) }
