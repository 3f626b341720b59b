module github.com/gormtenant/gormtenant/tenantlint

go 1.25.0

require (
	github.com/jinzhu/inflection v1.0.0
	golang.org/x/tools v0.44.0
)

require (
	golang.org/x/mod v0.35.0 // indirect
	golang.org/x/sync v0.20.0 // indirect
)
