module bkp.test/nebula/v33

go 1.24

require (
	bkp.test/nebula/core v0.0.0
	github.com/vesoft-inc/fbthrift v0.0.0-20230214024353-fa2f34755b28
	github.com/vesoft-inc/nebula-go/v3 v3.8.0
)

replace bkp.test/nebula/core => ../core
