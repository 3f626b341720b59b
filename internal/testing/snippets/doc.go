// Package snippets finds the code in this repository's Markdown, so that a test can compile it,
// run it, and check what it names.
//
// A fenced block of Go is either a whole program, which begins with a package clause, or a
// fragment. A fragment is compiled together with preludes: files of testdata that declare what
// the fragment uses without saying where it comes from, such as db and ctx. An HTML comment in
// front of the block names them:
//
//	<!-- snippet: app levels -->
//
// The same comment in the first lines of a page, before its first heading, holds for all of the
// page's fragments that have none of their own. Imports that a fragment leaves out are added.
//
// A page whose code needs more than the root's go.mod requires names another module of the
// repository that has it:
//
//	<!-- module: middleware/routertest -->
//
// A program that is followed by a block with the comment
//
//	<!-- output -->
//
// is run, and has to print that block. Every block of SQL is sent to PostgreSQL, behind its own
// preludes. Commands in shell blocks have to exist, and so have the targets of links.
package snippets
