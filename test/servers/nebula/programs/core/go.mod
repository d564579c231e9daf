module bkp.test/nebula/core

go 1.24
