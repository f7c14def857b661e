#include "collector/commands_int.h"
int bu_cmd_info(int argc, char **argv) { (void)argc; (void)argv; return 1; }
