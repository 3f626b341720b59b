module github.com/gormtenant/gormtenant/middleware/connecttenant

go 1.25.0

require (
	connectrpc.com/connect v1.19.2
	github.com/gormtenant/gormtenant v0.0.0
	github.com/stretchr/testify v1.12.1
	google.golang.org/protobuf v1.36.9
)

require (
	github.com/maypok86/otter/v2 v2.4.0 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/schollz/progressbar/v3 v3.19.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sync v0.20.0 // indirect
	golang.org/x/sys v0.41.0 // indirect
	golang.org/x/term v0.40.0 // indirect
)

replace github.com/gormtenant/gormtenant => ../..
