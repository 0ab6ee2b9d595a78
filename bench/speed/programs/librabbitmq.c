/* librabbitmq in C: what the broker can give on one core. `single`: an ack a message; `coalesced`: one a 50. */
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *why) { fprintf(stderr, "librabbitmq: %s\n", why); exit(1); }

int main(int argc, char **argv) {
  long count = atol(getenv("BENCH_COUNT")), every = argc > 1 && !strcmp(argv[1], "coalesced") ? 50 : 1;
  char *url = strdup(getenv("BENCH_URL"));
  struct amqp_connection_info where;
  if (amqp_parse_url(url, &where)) die("the URL can't be read");
  amqp_connection_state_t connection = amqp_new_connection();
  if (amqp_socket_open(amqp_tcp_socket_new(connection), where.host, where.port)) die("can't connect");
  if (amqp_login(connection, where.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, where.user, where.password).reply_type
      != AMQP_RESPONSE_NORMAL) die("can't log in");
  amqp_channel_open(connection, 1);
  amqp_basic_qos(connection, 1, 0, 100, 0);
  amqp_basic_consume(connection, 1, amqp_cstring_bytes(getenv("BENCH_QUEUE")), amqp_empty_bytes, 0, 0, 0,
                     amqp_empty_table);
  for (long number = 1; number <= count; number++) {
    amqp_envelope_t envelope;
    amqp_maybe_release_buffers(connection);
    if (amqp_consume_message(connection, &envelope, NULL, 0).reply_type != AMQP_RESPONSE_NORMAL) die("lost");
    if (number % every == 0 || number == count) amqp_basic_ack(connection, 1, envelope.delivery_tag, every > 1);
    amqp_destroy_envelope(&envelope);
    if (number == 1 || number == count / 10 || number == count) dprintf(1, "mark %ld\n", number);
  }
  pause();
}
