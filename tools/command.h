/* tools/command.h - the subcommands of `muster`, each a main of its own.
 *
 * argv[0] is the name of the subcommand.  They return the exit code: 0 well, 1 it failed, or one
 * of tools/options.h. */
#ifndef MU_TOOLS_COMMAND_H
#define MU_TOOLS_COMMAND_H

int mu_command_dev(int argc, char **argv);
int mu_command_bots(int argc, char **argv);
int mu_command_status(int argc, char **argv);
int mu_command_top(int argc, char **argv);
int mu_command_drain(int argc, char **argv);
int mu_command_config(int argc, char **argv);
int mu_command_rules(int argc, char **argv);
int mu_command_ticket(int argc, char **argv);
int mu_command_simulate(int argc, char **argv);
int mu_command_record(int argc, char **argv);
int mu_command_key(int argc, char **argv);
int mu_command_keygen(int argc, char **argv);
int mu_command_peers(int argc, char **argv);
int mu_command_backup(int argc, char **argv);
int mu_command_restore(int argc, char **argv);
int mu_command_verify(int argc, char **argv);
int mu_command_dump(int argc, char **argv);

/* `muster rules` but for `check`: list, show, diff, apply, rollback, against a gateway. */
int mu_command_rules_remote(int argc, char **argv);

#endif /* MU_TOOLS_COMMAND_H */
