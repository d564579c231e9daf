module bkp.test/nebula/v30

go 1.24

require (
	bkp.test/nebula/core v0.0.0
	github.com/facebook/fbthrift v0.31.1-0.20211129061412-801ed7f9f295
	github.com/vesoft-inc/nebula-go/v3 v3.0.0
)

replace bkp.test/nebula/core => ../core
