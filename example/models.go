package main

import "github.com/gormtenant/gormtenant/example/saas"

// The models by the names that the calls of the tour are printed with.
type (
	User    = saas.User
	Project = saas.Project
	Task    = saas.Task
	Tag     = saas.Tag
)
